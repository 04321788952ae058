"""What the processes of ``torchrun`` do together: rank 0 leads, the others follow.

A follower knows nothing but what rank 0 sends it, twice: the settings to build from, and the plan and state
to train from. It prints and writes nothing; where rank 0 gives up before training, it goes home.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, Diverged, Interrupted
from ..settings.config import RunSettings, import_plugins
from .ranks import count, number, team
from .signals import Stop, listening

if TYPE_CHECKING:
    from schedules.pytorch import Plan

    from .build import Experiment
    from .early_stop import EarlyStop
    from .train import Record

_awaited = count() > 1 and number() == 0
"""Whether the followers wait for word from this process."""


def lead(settings: RunSettings, plan: Plan | None = None, *, fresh: bool = True) -> Experiment:
    """Build the experiment, here and in every follower.

    Args:
        settings: all of the run's.
        plan: the plan to follow; ``None`` takes that of the settings.
        fresh: ``False`` where a checkpoint's weights will follow.

    Raises:
        ConfigError: it cannot be built, in whichever process.
    """
    global _awaited
    from .build import build, specs_of

    ranks = team()
    if ranks.count > 1:
        ranks.send((settings, None if plan is None else specs_of(plan), fresh))
    _awaited = False
    with ranks.together():
        experiment = build(settings, plan, ranks=ranks, fresh=fresh)
    _awaited = ranks.count > 1
    return experiment


def begin(experiment: Experiment, state: dict[str, Any] | None, past: Sequence[float]) -> int:
    """Let every process start from here; return the updates finished.

    Args:
        experiment: what :func:`lead` built, with its last plan.
        state: a checkpoint's; ``None`` starts at step 0.
        past: validation losses up to the checkpoint.
    """
    global _awaited
    if _awaited:
        experiment.ranks.send((experiment.specs(), state, past))
        _awaited = False
    return _restore(experiment, state)


def _restore(experiment: Experiment, state: dict[str, Any] | None) -> int:
    from .checkpoint import restore

    return restore(state, **experiment.saved) if state else 0


def dismiss() -> None:
    """Let followers that still wait go home, and end the connection."""
    global _awaited
    if count() == 1:
        return
    if _awaited:
        team().send(None)
        _awaited = False
    team().leave()


def loop(
    settings: RunSettings,
    experiment: Experiment,
    *,
    first_step: int,
    past: Sequence[float],
    checkpoint: Path,
    journal: Record,
    evaluations: Record,
    stop: Stop,
    on_progress: Callable[[int, float, dict[str, float]], None],
) -> tuple[int, EarlyStop | None]:
    """Run the loop, in every process; return the updates finished, and what may have ended it early."""
    from .checkpoint import Saver
    from .early_stop import EarlyStop
    from .train import train

    trainer = settings.trainer
    early_stop = None
    if trainer.early_stop_patience is not None:
        early_stop = EarlyStop(trainer.early_stop_patience, trainer.early_stop_min_delta, past)
    experiment.update.join()
    finished = train(
        model=experiment.model,
        optimizer=experiment.optimizer,
        write=experiment.write,
        batches=experiment.batches,
        update=experiment.update,
        first_step=first_step,
        total_steps=experiment.total_steps,
        evaluate_steps=trainer.evaluate_steps or experiment.batches.steps_per_epoch,
        evaluate_at=experiment.evaluate_at,
        journal=journal,
        evaluations=evaluations,
        checkpoints=Saver(checkpoint, experiment, trainer, past),
        stop=stop,
        on_progress=on_progress,
        early_stop=early_stop,
        ranks=experiment.ranks,
    )
    return finished, early_stop


class Nothing:
    """A journal that keeps nothing: rank 0 has the run's."""

    def append(self, step: int, values: Sequence[float], milliseconds: int | None = None) -> None:
        """Forget a row."""

    def flush(self) -> None:
        """Do nothing."""

    def sync(self) -> None:
        """Do nothing."""


def follow() -> int:
    """Train along with rank 0; return the exit code: 0 also where rank 0 ends with another, for both."""
    try:
        ranks = team()
        told = ranks.send(None)
        if told is None:
            return 0
        settings, specs, fresh = told
        import_plugins(settings.plugins)
        from .build import build, plan_of

        with ranks.together():
            plan = None if specs is None else plan_of(specs)
            experiment = build(settings, plan, ranks=ranks, fresh=fresh)
        told = ranks.send(None)
        if told is None:
            return 0
        specs, state, past = told
        experiment = experiment.following(plan_of(specs))
        with listening() as stop:
            loop(
                settings,
                experiment,
                first_step=_restore(experiment, state),
                past=past,
                checkpoint=Path(),
                journal=Nothing(),
                evaluations=Nothing(),
                stop=stop,
                on_progress=lambda *_: None,
            )
        return 0
    except (ConfigError, Diverged, Interrupted):
        # Rank 0 meets the same, tells it and ends with the code that counts. Were this process to fail first,
        # torchrun would stop rank 0 before its words and its last steps are out.
        return 0
    finally:
        team().leave()
