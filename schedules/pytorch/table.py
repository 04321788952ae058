"""A plan on the device: read from a step tensor inside the graph, with no write from the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from ..elementwise import FloatArray
from ..schedule import Schedule, evaluate
from ..units import whole
from .bundle import Bundle
from .curves import Curve, curves


class Table(Mapping[str, Tensor]):
    """A plan's values at steps 0 to ``total_steps``; the last one also stands for all later steps.

    For an update that is compiled (``torch.compile``) or captured (CUDA graphs)::

        write = plan.table(total_steps, device="cuda").bind(optimizer)
        step = torch.zeros((), dtype=torch.int64, device="cuda")

        def update():
            write(step)
            optimizer.step()
            step.add_(1)

    Each item is a tensor of shape ``(total_steps + 1,)``, by its label in ``plan.curves()``.

    Attributes:
        plan: the plan.
        total_steps: its length [steps, >= 1].
    """

    def __init__(
        self, plan: Bundle, total_steps: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        self.plan = plan
        self.total_steps = whole(total_steps, "total_steps", low=1)
        self._device, self._dtype = device, dtype or torch.get_default_dtype()
        if not self._dtype.is_floating_point:
            raise ValueError(f"dtype must be a floating-point type, got {self._dtype}")
        self._columns = {label: self.on_device(self.column(s)) for label, s in plan.curves().items()}

    def column(self, schedule: Schedule, start: int = 0, longer: int = 0) -> FloatArray:
        """Return the values of a clock that is 0 at the run's step ``start``, for ``longer`` more steps."""
        steps = np.arange(self.total_steps + longer + 1, dtype=np.float64) - start
        return evaluate(schedule, np.minimum(steps, self.total_steps))

    def on_device(self, array: FloatArray) -> Tensor:
        """Return the array as a tensor on the table's device, in its number format."""
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)

    def __getitem__(self, label: str) -> Tensor:
        return self._columns[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def bind(self, optimizer: Optimizer) -> TableWriter:
        """Return the function that writes the row of a step tensor into ``optimizer``.

        Raises:
            ValueError: the plan does not fit the optimizer, or a value that it drives is no tensor there.
        """
        return TableWriter(self, optimizer)


class TableWriter:
    """A table bound to an optimizer: ``write(step)`` copies the row of ``step`` into the groups' tensors.

    ``step`` is an integer tensor of one item on the table's device; nothing waits for it. The places are
    looked up once: bind again after adding a group or loading the optimizer's state.
    """

    def __init__(self, table: Table, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._groups = optimizer.param_groups
        self._count = len(self._groups)
        found = curves(table.plan, optimizer)
        longer = max(curve.start for curve in found)  # the group that starts last has its whole curve too
        columns: list[FloatArray] = []
        self._labels: list[tuple[str, int]] = []
        self._targets: list[tuple[Tensor, int]] = []
        for curve in found:
            values = table.column(curve.read.schedule, curve.start, longer)
            self._labels += [(label, len(columns)) for label in curve.labels]
            for scale, tensors in _tensors(curve).items():
                self._targets += [(tensor, len(columns)) for tensor in tensors]
                columns.append(scale * values)
        self._rows = table.on_device(np.stack(columns, axis=1))
        self._last = len(self._rows) - 1

    def __call__(self, step: Tensor) -> dict[str, Tensor]:
        """Write the values at ``step``; return them by label, as tensors without dimensions.

        Raises:
            RuntimeError: the optimizer's groups are not those that were bound.
        """
        groups = self._optimizer.param_groups
        if groups is not self._groups or len(groups) != self._count:
            raise RuntimeError("the optimizer's groups were replaced or added to: bind the table again")
        row = self._rows.index_select(0, step.reshape(1).clamp(0, self._last))[0]
        for tensor, column in self._targets:
            tensor.copy_(row[column])
        return {label: row[column] for label, column in self._labels}


def _tensors(curve: Curve) -> dict[float, list[Tensor]]:
    """Return the tensors that follow a curve, by their scale, 1 first; each tensor once."""
    found: dict[float, dict[int, Tensor]] = {1.0: {}}
    for place in curve.places:
        held = place.held
        if not isinstance(held, Tensor):
            where = place.entry if place.item is None else f"{place.entry}[{place.item}]"
            raise ValueError(
                f"{where} of group {place.number} must be a tensor to be written in a graph, got {held!r}"
            )
        found.setdefault(place.scale, {})[id(held)] = held
    return {scale: list(tensors.values()) for scale, tensors in found.items()}
