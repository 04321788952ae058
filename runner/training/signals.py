"""Signals that ask a run to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Whether a stop was asked for. The loop looks at it between two updates, so that none is cut in half."""

    def __init__(self) -> None:
        self.signum: int | None = None

    def check(self) -> None:
        """Raise :class:`Interrupted` when a signal has come."""
        if self.signum is not None:
            raise Interrupted(self.signum)


@contextmanager
def listening() -> Iterator[Stop]:
    """Note the first SIGINT, SIGTERM or SIGHUP; a second one acts at once, as if nobody listened.

    One that is ignored stays ignored: ``nohup`` means it.
    """
    stop = Stop()
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}

    def note(number: int, frame: FrameType | None) -> None:
        stop.signum = number
        for each in before:
            signal.signal(each, signal.SIG_DFL)

    try:
        for number in before:
            signal.signal(number, note)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
