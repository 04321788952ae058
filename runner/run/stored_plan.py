"""``schedule.from_run=<run>``: the plan of an earlier run as the schedule group of this one."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf, open_dict

from ..errors import ConfigError
from ..record.directory import locate
from ..settings.overrides import given

FROM_RUN = "schedule.from_run"


def fill_in(cfg: DictConfig, overridden: list[str]) -> None:
    """Put the plan of the run that ``schedule.from_run`` names in the place of the schedule group.

    Args:
        cfg: the composed config; changed in place. Without ``schedule.from_run`` it stays as it is.
        overridden: overrides of the command line.

    Raises:
        ConfigError: there is no such run, or other settings of the schedule are given beside it.
    """
    which = OmegaConf.select(cfg, FROM_RUN)
    if which is None:
        return
    beside = [key for key in given(overridden) if key.split(".")[0] == "schedule" and key != FROM_RUN]
    if beside:
        raise ConfigError(f"{FROM_RUN} must stand alone, it is the whole plan, got also {', '.join(beside)}")
    plan = locate(str(which), FROM_RUN).order.plan
    with open_dict(cfg):
        cfg.schedule = plan
