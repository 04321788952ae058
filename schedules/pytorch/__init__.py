"""A plan's values in a torch optimizer. The only package here that imports torch.

A plan is a bundle of schedules on one clock. Bound to an optimizer it is one function, called before each
update with the number of updates already finished::

    write = Plan(lr=s, momentum=m).bind(optimizer)
    for step in range(total_steps):
        write(step)
        loss = ...
        optimizer.step()

For a loop that is not yours (Lightning, Accelerate, a plain one that calls ``scheduler.step()``) there is
:class:`Scheduler`; for a compiled or captured update :meth:`Plan.table`.
"""

from .plan import Plan
from .scheduler import Scheduler
from .table import Table, TableWriter
from .writer import Writer

__all__ = ["Plan", "Scheduler", "Table", "TableWriter", "Writer"]
