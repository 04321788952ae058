"""Makes the launchers and the sweeper known to Hydra."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from ..settings.config import register_schema
from ..settings.rules import open_numbers
from ..sweep import sweeper
from ..sweep.adding import Race
from ..sweep.conf import FairSweeperConf
from .launcher import LocalLauncher, LocalLauncherConf, RayLauncher, RayLauncherConf


class FairSweeper(sweeper.FairSweeper):
    """The sweeper, with the statistics that decide when it has seeds enough."""

    __module__ = "hydra_plugins.schedule_lab"

    def _race(self, most: int, tolerance: float | None) -> Race:
        from ..compare.stats import sequential  # and numpy: only where seeds are added

        return sequential.Race(most=most, tolerance=tolerance)


def register() -> None:
    """Register the schema of the settings, and the plugins.

    Hydra takes plugins from the package ``hydra_plugins`` alone: they get a place there.
    """
    register_schema()
    plugins = Plugins.instance()  # looks for other plugins first
    try:
        place = importlib.import_module("hydra_plugins")
    except ModuleNotFoundError:
        place = sys.modules["hydra_plugins"] = ModuleType("hydra_plugins")
    ours = sys.modules["hydra_plugins.schedule_lab"] = ModuleType("hydra_plugins.schedule_lab")
    for made in (LocalLauncher, RayLauncher, FairSweeper):
        setattr(ours, made.__name__, made)
        plugins.register(made)
    setattr(place, "schedule_lab", ours)  # noqa: B010  a module has no attribute of that name to a checker
    store = ConfigStore.instance()
    store.store(group="hydra/launcher", name="local", node=open_numbers(LocalLauncherConf), provider="runner")
    store.store(group="hydra/launcher", name="ray", node=open_numbers(RayLauncherConf), provider="runner")
    store.store(group="hydra/sweeper", name="fair", node=open_numbers(FairSweeperConf), provider="runner")
