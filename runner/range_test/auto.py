"""``optimizer.lr=auto``: a range test before a run, whose rate the run then has."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..console import out
from ..errors import ConfigError
from ..settings.config import RunSettings, flat
from ..settings.purposes import deciding
from ..settings.trainer import BUDGETS
from ..training.signals import listening
from . import start
from .ramp import build_ramp, climb
from .result import RangeTestResult, judge
from .settings import RangeTest
from .suggest import Ramp
from .table import headline


@dataclass(frozen=True)
class Found:
    """A rate, and the test that it comes from."""

    recommended: float
    outcome: RangeTestResult

    @property
    def origin(self) -> str:
        """Say where the rate comes from, for a tag."""
        test = self.outcome.test
        low, high = test.limits()
        return (
            f"range test, lr {low:g} to {high:g} in {test.steps} steps, "
            f"seeds {', '.join(map(str, test.seeds))}: {self.outcome.reason}"
        )

    def write(self, folder: Path) -> None:
        """Write the test's losses, suggestions and picture among a run's artifacts."""
        start.keep(self.outcome, folder)


def find(settings: RunSettings, known: dict[str, Found]) -> Found:
    """Return the rate to train with, from a range test with the default settings and seeds of its own.

    It depends on all that the run has but its schedule, seed and length. So the jobs of a sweep that differ
    only in those get the same rate, and a process that has found it once does not test again.

    Args:
        settings: the run's.
        known: rates that were found before; the new one is added.

    Raises:
        ConfigError: no schedule of the run follows ``optimizer.lr``, or the test finds nothing.
        Interrupted: a signal.
    """
    _refuse_unused(settings)
    key = _key(settings)
    if key not in known:
        outcome = _test(settings)
        if outcome.recommended is None:
            raise ConfigError(
                f"optimizer.lr=auto: {outcome.reason}; look closer with task=range_test, then give a number"
            )
        known[key] = Found(outcome.recommended, outcome)
        for doubt in outcome.doubts:
            print(f"warning: optimizer.lr=auto: {doubt}", file=sys.stderr)
    found = known[key]
    out.print(f"optimizer.lr=auto: {headline(found.outcome)}")
    return found


def _test(settings: RunSettings) -> RangeTestResult:
    test = RangeTest()
    ramps: dict[int, Ramp] = {}
    with tempfile.TemporaryDirectory(prefix="range-test-") as folder, listening() as stop:
        for seed in test.seeds:
            made = build_ramp(settings, test, seed)
            ramps[seed] = climb(made, test, Path(folder, f"{seed}.journal"), stop, lambda *_: None)
    return judge(test, ramps)


def _refuse_unused(settings: RunSettings) -> None:
    """Raise where the rate that is found would go nowhere."""
    if '"auto"' not in json.dumps(settings.schedule.get("lr", "auto")):
        raise ConfigError(
            "optimizer.lr=auto needs a schedule that is written around ${optimizer.lr}, "
            f"got schedule.lr={settings.schedule['lr']}"
        )


def _key(settings: RunSettings) -> str:
    """Return a text that is the same for runs whose tests are the same."""
    unused = ("seed", *(f"trainer.{budget}" for budget in BUDGETS))
    plain = {
        path: value
        for path, value in deciding(flat(dataclasses.asdict(settings))).items()
        if path not in unused and not path.startswith(("schedule.", "task."))
    }
    return json.dumps(plain, sort_keys=True, default=str)
