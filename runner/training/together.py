"""What the processes of ``torchrun`` do together: rank 0 leads, the others follow.

A follower knows only what rank 0 sends it, twice: the settings to build from, and the plan and state to train
from. It prints and writes nothing; where rank 0 gives up before training, the follower ends as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, Diverged, Interrupted
from ..settings.config import RunSettings, import_plugins
from .ranks import Ranks
from .signals import listening
from .solo import Solo
from .team import Team

if TYPE_CHECKING:
    from schedules.pytorch import Plan

    from .experiment import Experiment


class Leader(Solo):
    """Rank 0 of several processes: sends the others what they build and train from."""

    def __init__(self) -> None:
        self._are_waiting = True  # the followers, for what this process sends next

    @cached_property
    def ranks(self) -> Ranks:
        """The processes; they are connected at the first use."""
        return Team()

    def build(self, settings: RunSettings, plan: Plan | None = None, *, fresh: bool = True) -> Experiment:
        """Build the experiment, here and in every follower.

        Raises:
            ConfigError: it cannot be built, in whichever process.
        """
        from .build import build
        from .plans import specs_of

        self.ranks.send((settings, None if plan is None else specs_of(plan), fresh))
        self._are_waiting = False
        with self.ranks.together():
            experiment = build(settings, plan, ranks=self.ranks, fresh=fresh)
        self._are_waiting = True
        return experiment

    def begin(self, experiment: Experiment, state: dict[str, Any] | None, past: Sequence[float]) -> int:
        """Let every process start from the same plan and state; return the updates finished."""
        self.ranks.send((experiment.specs(), state, past))
        self._are_waiting = False
        return super().begin(experiment, state, past)

    def dismiss(self) -> None:
        """Release followers that still wait, and close the process group."""
        if self._are_waiting:
            self.ranks.send(None)
            self._are_waiting = False
        self.ranks.leave()


def follow() -> int:
    """Train along with rank 0; return the exit code: 0 also where rank 0 ends with another, for both."""
    ranks = Team()
    try:
        _follow(ranks)
    except (ConfigError, Diverged, Interrupted):
        # Rank 0 meets the same, reports it and ends with the code that counts. Were this process to fail
        # first, torchrun would stop rank 0 before its message and its last steps are written.
        pass
    finally:
        ranks.leave()
    return 0


def _follow(ranks: Ranks) -> None:
    """Build and train what rank 0 sends; return early where it sends nothing."""
    from .build import build
    from .plans import plan_of
    from .recorder import NoRecord

    received = ranks.send(None)
    if received is None:
        return
    settings, specs, fresh = received
    import_plugins(settings.plugins)
    with ranks.together():
        plan = None if specs is None else plan_of(specs)
        experiment = build(settings, plan, ranks=ranks, fresh=fresh)
    received = ranks.send(None)
    if received is None:
        return
    specs, state, past = received
    experiment = experiment.following(plan_of(specs))
    alone = Solo()
    with listening() as stop:
        alone.loop(
            settings,
            experiment,
            first_step=alone.begin(experiment, state, past),
            past=past,
            checkpoint=Path(),
            journal=NoRecord(),
            evaluations=NoRecord(),
            keep_losses=lambda losses: None,
            stop=stop,
            on_progress=lambda *_: None,
        )
