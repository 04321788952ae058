"""The public name of :mod:`runner.trainables.data`, which packages that register data sets import."""

from .trainables.data import AHEAD, WORKERS, Batches, Data, Examples, Stream, Tensors, batches

__all__ = ["AHEAD", "WORKERS", "Batches", "Data", "Examples", "Stream", "Tensors", "batches"]
