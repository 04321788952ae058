"""The tables of what can be trained: models, datasets, optimizers. One for each kind, filled by decorators.

An entry is a dataclass: its fields are the settings of its config node, with their types and defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from schedules.names import Names

Class = TypeVar("Class", bound=type)

MODELS: Names[type] = Names("model")
DATASETS: Names[type] = Names("dataset")
OPTIMIZERS: Names[type] = Names("optimizer")


def _into(table: Names[type], name: str) -> Callable[[Class], Class]:
    def add(cls: Class) -> Class:
        table.add(name, cls)
        return cls

    return add


def model(name: str) -> Callable[[Class], Class]:
    """Register a model: a dataclass with ``build(data) -> torch.nn.Module``."""
    return _into(MODELS, name)


def dataset(name: str) -> Callable[[Class], Class]:
    """Register a dataset: a dataclass with ``load() -> runner.data.Data``."""
    return _into(DATASETS, name)


def optimizer(name: str) -> Callable[[Class], Class]:
    """Register an optimizer: a dataclass with ``build(parameters) -> torch.optim.Optimizer``.

    One that inherits :class:`runner.optimizers.groups.Grouped` has its settings of parameter groups.
    """
    return _into(OPTIMIZERS, name)
