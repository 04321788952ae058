"""Build an experiment and train it, in this process alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..settings.config import RunSettings
from .signals import Stop

if TYPE_CHECKING:
    from torch import Tensor

    from schedules.pytorch import Plan

    from .early_stop import EarlyStop
    from .experiment import Experiment
    from .recorder import Record
    from .train import Progress


class Solo:
    """Trains in this process; :class:`runner.training.together.Leader` has others train along."""

    def build(self, settings: RunSettings, plan: Plan | None = None, *, fresh: bool = True) -> Experiment:
        """Build the experiment.

        Args:
            settings: all of the run's.
            plan: the plan to follow; ``None`` takes that of the settings.
            fresh: ``False`` where a checkpoint's weights will follow.

        Raises:
            ConfigError: it cannot be built.
        """
        from .build import build

        return build(settings, plan, fresh=fresh)

    def begin(self, experiment: Experiment, state: dict[str, Any] | None, past: Sequence[float]) -> int:
        """Put a checkpoint's state into the experiment; return the updates finished.

        Args:
            experiment: what :meth:`build` gave, with its last plan.
            state: a checkpoint's; ``None`` starts at step 0.
            past: validation losses up to the checkpoint.
        """
        from .checkpoint import restore

        return restore(state, **experiment.saved) if state else 0

    def loop(
        self,
        settings: RunSettings,
        experiment: Experiment,
        *,
        first_step: int,
        past: Sequence[float],
        checkpoint: Path,
        journal: Record,
        evaluations: Record,
        keep_losses: Callable[[Tensor], None],
        stop: Stop,
        on_progress: Progress,
    ) -> tuple[int, EarlyStop | None]:
        """Run the loop; return the updates finished, and the rule that may have ended it early."""
        from .checkpoint import Saver
        from .early_stop import EarlyStop
        from .train import Hooks, train

        trainer = settings.trainer
        early_stop = None
        if trainer.early_stop_patience is not None:
            early_stop = EarlyStop(trainer.early_stop_patience, trainer.early_stop_min_delta, past)
        experiment.update.join()
        hooks = Hooks(
            journal=journal,
            evaluations=evaluations,
            checkpoints=Saver(checkpoint, experiment, trainer, past),
            on_progress=on_progress,
            early_stop=early_stop,
            keep_losses=keep_losses,
        )
        evaluate_steps = trainer.evaluate_steps or experiment.batches.steps_per_epoch
        return train(experiment, hooks, first_step, stop, evaluate_steps), early_stop

    def dismiss(self) -> None:
        """Release processes that still wait for this one: here there are none."""
