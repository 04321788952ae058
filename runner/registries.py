"""The public name of :mod:`runner.trainables.registries`, which packages that register something import."""

from .trainables.registries import DATASETS, MODELS, OPTIMIZERS, dataset, model, optimizer

__all__ = ["DATASETS", "MODELS", "OPTIMIZERS", "dataset", "model", "optimizer"]
