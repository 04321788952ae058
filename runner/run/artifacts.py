"""What becomes a run's artifacts: its config, its plan with a picture, and where it comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from omegaconf import DictConfig, OmegaConf

from ..record import keys, provenance
from ..record.directory import RunDirectory
from ..record.files import write_atomically
from ..settings.trainer import BUDGETS, TrainerSettings

if TYPE_CHECKING:
    from torch import Tensor

    from ..training.experiment import Experiment

CONFIG, PLAN, PICTURE = "config.yaml", "plan.json", "plan.png"


def write_artifacts(
    cfg: DictConfig, experiment: Experiment, directory: RunDirectory, origin: provenance.Origin
) -> None:
    """Write all of them."""
    directory.artifacts.mkdir(exist_ok=True)
    provenance.write(origin, directory.artifacts)
    keep_config(cfg, directory)
    keep_plan(experiment, directory)


def write_budget(cfg: DictConfig, trainer: TrainerSettings) -> None:
    """Leave the budget that counts in a config: a recipe's may stand beside the command line's."""
    for name in BUDGETS:
        OmegaConf.update(cfg, f"trainer.{name}", getattr(trainer, name))


def keep_config(cfg: DictConfig, directory: RunDirectory) -> None:
    """Write the resolved config."""
    write_atomically(directory.artifacts / CONFIG, OmegaConf.to_yaml(cfg, resolve=True).encode())


def keep_plan(experiment: Experiment, directory: RunDirectory) -> None:
    """Write the plan and its picture, for people; what a resume goes by is in the order."""
    from schedules.show.plot import save

    write_atomically(directory.artifacts / PLAN, json.dumps(experiment.specs(), indent=1).encode())
    save(directory.artifacts / PICTURE, {"plan": dict(experiment.plan)}, experiment.total_steps)


def keep_losses(directory: RunDirectory, losses: Tensor) -> None:
    """Write the loss of each validation example, shape ``(examples,)``."""
    directory.artifacts.mkdir(exist_ok=True)
    values = losses.numpy().astype(np.float32)
    write_atomically(directory.artifacts / keys.FINAL_LOSSES, lambda file: np.save(file, values))
