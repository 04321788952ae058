"""The ways a run can end early that are not bugs. The entry point turns each into a message and a code."""

from __future__ import annotations

BUG, MISTAKE = 1, 2
"""Exit codes: something failed, or the user asked for what cannot be."""


class ConfigError(Exception):
    """The user asked for something that cannot be: said before anything starts. Exit code 2."""


class Diverged(Exception):
    """The loss stopped being a number.

    Args:
        step: the update whose loss was the first that is not finite.
        last_loss: the last finite loss, if there was one.
        what: which loss.
    """

    def __init__(self, step: int, last_loss: float | None, what: str = "loss") -> None:
        before = (
            "from the first step on" if last_loss is None else f"the last finite loss was {last_loss:.6g}"
        )
        super().__init__(f"the {what} is not finite at step {step}; {before}")
        self.step = step
        self.last_loss = last_loss


class Planned(Exception):
    """A sweep was only to be planned, and has been: nothing is left to do."""


class JobFailed(Exception):
    """A job of a sweep did not finish, though its settings are possible. Exit code 1."""


class Interrupted(BaseException):
    """A signal asked the run to stop. Exit code 128 + its number.

    Not an ``Exception``, so that a sweep stops as a whole and not only the job that was running.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by signal {signum}")
        self.signum = signum


class ThroughHydra(BaseException):
    """An error on its way through Hydra to the entry point.

    Hydra prints lines of its own around an ``Exception`` of a task, and makes one of a
    callback a warning.

    Args:
        error: what went wrong.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def reason_of(error: BaseException) -> str:
    """Return the first line of what an exception says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else repr(error)
