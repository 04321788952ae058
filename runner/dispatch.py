"""What a composed config asks for: a run, a run at a rate that is found first, or a range test."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from .record.result import JobResult
from .run.context import Context
from .run.lifecycle import prepare
from .run.start import start
from .run.stored_plan import fill_in
from .settings.config import AUTO, buildable, load


def run(cfg: DictConfig, path: Path, overridden: list[str], context: Context) -> JobResult:
    """Do what ``cfg`` asks for; return how it ended.

    Args:
        cfg: what Hydra composed.
        path: where the run's files go.
        overridden: overrides of the command line.
        context: what this process offers to its runs.

    Raises:
        ConfigError: before anything starts, and before MLflow has a run.
        Diverged: the loss is not finite; the run is FAILED and holds every step so far.
        Interrupted: a signal; the run is KILLED and holds every step so far.
    """
    fill_in(cfg, overridden)
    settings = load(cfg, overridden)
    directory, messenger = prepare(settings, path, context)
    if settings.task:
        from .range_test.start import start as start_range_test

        return start_range_test(cfg, settings, directory, overridden, context, messenger)
    if settings.optimizer.get("lr") != AUTO:
        return start(cfg, settings, directory, overridden, context, messenger)
    from .range_test.auto import find
    from .training.build import build

    build(buildable(cfg, overridden))  # a mistake is reported before the test
    found = find(settings, context.rates)
    OmegaConf.update(cfg, "optimizer.lr", found.recommended)
    return start(
        cfg,
        load(cfg, overridden),
        directory,
        overridden,
        context,
        messenger,
        tags={"optimizer.lr.from": found.origin},
        more_artifacts=found.write,
    )
