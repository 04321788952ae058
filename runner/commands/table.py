"""The commands of ``python -m runner <command>``: where each is, and what it is for.

The modules are named, not imported: the entry point imports the one that is asked for, from any room.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        module: below ``runner``; its ``main`` takes the arguments and returns the exit code.
        purpose: in a few words, for the help.
    """

    module: str
    purpose: str


COMMANDS = {
    "compare": Command("compare.command", "which schedule, at which peak rate, how sure"),
    "export": Command("notebook.export", "a sweep's runs, evaluations and steps as CSV or Parquet"),
    "study": Command("study.command", "which schedule for what: one answer over several workloads"),
    "predict": Command("foresight.command", "how runs that were not made would end"),
    "transfer": Command("foresight.transfer", "which peak rate to take at another scale"),
    "sync": Command("commands.sync", "send to MLflow what it has not got yet"),
    "doctor": Command("commands.doctor", "close runs that died, then send what is left"),
    "verify-resume": Command("commands.verify", "prove on your settings that a killed run goes on unharmed"),
    "submit": Command("service.submit", "run a command on a team's Ray cluster"),
    "move": Command("service.move", "copy a store of SQLite into one of PostgreSQL"),
    "relocate": Command("service.relocate", "mend a store of SQLite whose folder was moved"),
    "users": Command("service.accounts", "accounts and rights in an MLflow server"),
}


def listing() -> str:
    """Return the commands with their purposes, a line each, for the help."""
    return "\n".join(
        f"  python -m runner {name:14}{each.purpose}".rstrip() for name, each in COMMANDS.items()
    )
