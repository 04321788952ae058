"""Entry points of the processes that jobs run in: torch is imported only when one is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .description import JobDescription

if TYPE_CHECKING:
    from .preflight import Checked


def work(job: JobDescription) -> None:
    """Run one job to its end."""
    from .worker import work

    work(job)


def check(configs: list[str], overrides: list[list[str]], timed: bool) -> list[Checked]:
    """Look at jobs before any of them starts."""
    from .preflight import check

    return check(configs, overrides, timed)
