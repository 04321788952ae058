"""The bundle of schedules that a run follows, and its way into an optimizer."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.optim import Optimizer

from ..schedule import Schedule
from .bundle import Bundle
from .table import Table
from .writer import Writer


class Plan(Bundle):
    """Schedules by the hyper-parameter they drive, on one clock.

    Args:
        groups: plans for some of the optimizer's groups, by the group's ``"name"`` or a pattern of it
            (``"blocks.*"``, as for file names). The first that matches counts, and says only what
            differs: a hyper-parameter that it leaves out follows this plan, as do all other groups.
        **schedules: a schedule, or a number that stays, for each name of an entry in the optimizer's
            groups. ``momentum`` also means ``betas[0]``, and ``beta1`` and ``beta2`` the items of ``betas``.

    Raises:
        ValueError: something given is neither a schedule nor a number, or a group's plan has groups.

    >>> import schedules
    >>> plan = Plan(lr=schedules.build("linear", total_steps=10, peak_value=0.1), momentum=0.9)
    >>> plan.at(5)
    {'lr': 0.05, 'momentum': 0.9}
    """

    def __init__(self, *, groups: Mapping[str, Plan] | None = None, **schedules: Schedule | float) -> None:
        super().__init__(groups=groups, **schedules)

    def bind(self, optimizer: Optimizer) -> Writer:
        """Return the function that writes this plan into ``optimizer``; nothing is written yet.

        Raises:
            ValueError: a name is no hyper-parameter of some group, a pattern matches no group, or groups
                hold different values that the plan would make equal.
        """
        return Writer(self, optimizer)

    def table(
        self, total_steps: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Table:
        """Return the values at steps 0 to ``total_steps`` on a device, to be read inside a graph.

        Args:
            total_steps: steps in the table [steps, >= 1]; after the last one its value holds.
            device: where the table lives; ``None`` is torch's default device.
            dtype: its number format; ``None`` is torch's default one.
        """
        return Table(self, total_steps, device, dtype)
