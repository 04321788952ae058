"""``python -m runner submit <overrides>``: run ``python -m runner <overrides>`` on a Ray cluster."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..commands.options import Parser
from ..commands.table import COMMANDS
from ..errors import ConfigError
from ..record import keys
from ..settings.address import holds_password
from ..settings.overrides import in_force, key_of, parse

if TYPE_CHECKING:
    from .cluster import Cluster

COMMAND = "python -m runner submit"
FAILED, MISTAKE, INTERRUPTED = 1, 2, 130  # exit codes


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    from .cluster import ADDRESS, ADDRESS_VARIABLE

    made = Parser(
        prog=COMMAND,
        description="Run 'python -m runner OVERRIDES' as a job of a Ray cluster, and follow its log.",
        epilog="RAY_AUTH_TOKEN holds the cluster's token. What stands in OVERRIDES can be read by everyone "
        "who may use the cluster. 'submit -- doctor' and 'submit -- sync' run those commands there.",
        allow_abbrev=False,
    )
    made.add_argument("overrides", nargs="*", metavar="OVERRIDES", help="as of python -m runner")
    made.add_argument("-m", "--multirun", action="store_true", help="a sweep, spread over the workers")
    made.add_argument("--plan", action="store_true", help="with -m: only show what would be trained")
    made.add_argument(
        "--address",
        default=os.environ.get(ADDRESS_VARIABLE) or ADDRESS,
        help=f"the cluster's dashboard (${ADDRESS_VARIABLE}, else {ADDRESS})",
    )
    made.add_argument("--cpus", type=float, help="cores to wait for (1; of a sweep 0, its jobs take theirs)")
    made.add_argument("--gpus", type=float, default=0.0, help="GPUs to wait for (0)")
    made.add_argument(
        "--modules", action="append", default=[], type=Path, metavar="PATH",
        help="a package of yours for plugins=[...]; may be given again",
    )  # fmt: skip
    made.add_argument("--no-follow", action="store_true", help="do not wait for the job's end")
    instead = made.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="the cluster's jobs")
    instead.add_argument("--follow", metavar="JOB", help="show a job's log until it ends")
    instead.add_argument("--cancel", metavar="JOB", help="stop a job; its runs keep what they have")
    return made


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Return what the command line asks for; options and overrides may stand in any order."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser().parse_intermixed_args(arguments[:end])
    options.overrides += arguments[end + 1 :]  # with options that are not for this command
    return options


def main(arguments: list[str]) -> int:
    """Submit, or look after what was submitted.

    Returns:
        0: the job succeeded; 1: it failed or was stopped; 2: a mistake, here or found there; 130: Ctrl-C.

    Raises:
        ConfigError: an option is wrong, or the cluster does not take it.
        JobFailed: the cluster went away.
    """
    options = options_of(arguments)
    from .cluster import Cluster

    named = options.follow or options.cancel
    if (named or options.list) and (options.overrides or options.multirun):
        raise ConfigError(f"--list, --follow and --cancel take no overrides, got {options.overrides or '-m'}")
    if options.list:
        _show(Cluster(options.address))
        return 0
    if options.cancel:
        return _cancel(Cluster(options.address), options.cancel)
    if options.follow:
        return _follow(Cluster(options.address), options.follow)
    command = command_of(options)
    cluster = Cluster(options.address)
    job = _send(cluster, options, command)
    if options.no_follow:
        print(_hints(cluster, job))
        return 0
    return _follow(cluster, job)


def command_of(options: argparse.Namespace) -> list[str]:
    """Return the command that the cluster runs, word by word.

    Raises:
        ConfigError: the overrides are none, or hold a password, or several values without ``-m``.
    """
    words = list(options.overrides)
    for word in words:
        if holds_password(word):
            raise ConfigError(
                "an override must hold no password, which every user of the cluster could read: "
                f"got {re.sub(r'://[^/@]*@', '://...@', word)}; the workers have an account of their own"
            )
    is_other = bool(words) and words[0] in COMMANDS
    if not is_other and not any(word.startswith("resume=") for word in words):
        _check(words, options.multirun)
        keys = {key_of(word) for word in words}
        if options.multirun and "hydra/launcher" not in keys:
            words.append("hydra/launcher=ray")
        if "tracking" not in keys:
            words.append("tracking=server")
    flags = ["-m"] * options.multirun + ["--plan"] * options.plan
    return ["python", "-m", "runner", *([*words, *flags] if is_other else [*flags, *words])]


def _check(words: list[str], is_sweep: bool) -> None:
    """Raise for what is wrong on any cluster. Names are judged there: its version, plugins, data count."""
    several = [each.key_or_group for each in parse(in_force(words)) if each.is_sweep_override()]
    if several and not is_sweep:
        raise ConfigError(f"{several[0]} names several values: add -m to train each of them")


def _send(cluster: Cluster, options: argparse.Namespace, command: list[str]) -> str:
    """Submit the command; return the job's id."""
    from ..record import provenance

    for path in options.modules:
        if not path.exists():
            raise ConfigError(f"--modules must be a package's folder, a .py file or a wheel, got {path}")
    for name in ("cpus", "gpus"):
        if getattr(options, name) is not None and not 0 <= getattr(options, name) < float("inf"):
            raise ConfigError(f"--{name} must be a number >= 0, got {getattr(options, name)}")
    spreads = options.multirun and "hydra/launcher=ray" in command
    cpus = options.cpus if options.cpus is not None else (0.0 if spreads else 1.0)
    job = f"{'sweep' if options.multirun else 'run'}-{time.strftime('%m%d-%H%M')}-{secrets.token_hex(3)}"
    entrypoint = shlex.join(command)
    labels = {keys.SUBMITTED_BY: provenance.user(), keys.SUBMITTED_JOB: job}
    print(f"runs   {entrypoint}")
    cluster.submit(
        job,
        entrypoint,
        cpus=cpus,
        gpus=options.gpus,
        # Jobs of a sweep in one place would be options twice, by Ray and by the sweep, and the second signal
        # means at once. They ignore Ctrl-C.
        stop_signal="SIGINT" if options.multirun and not spreads else "SIGTERM",
        modules=[str(path) for path in options.modules],
        environment={name: labels[label] for label, name in provenance.SUBMITTED.items()},
        metadata={keys.SUBMITTED_BY: labels[keys.SUBMITTED_BY]},
    )
    print(f"job    {job}\npage   {cluster.page(job)}", flush=True)
    return job


def _follow(cluster: Cluster, job: str) -> int:
    """Show a job's log; return the exit code of its end. Ctrl-C leaves it alone."""

    def show(piece: str) -> None:
        sys.stdout.write(piece)
        sys.stdout.flush()

    try:
        known = cluster.follow(job, show, lambda: print("queued: it waits for its turn", flush=True))
    except KeyboardInterrupt:
        print(f"\nthe job goes on without you\n{_hints(cluster, job)}", file=sys.stderr)
        return INTERRUPTED
    return _code(job, known)


def _code(job: str, known: Any) -> int:
    """Return the exit code for a job's end, and say what the log does not."""
    status = known.status.value
    if status == "SUCCEEDED":
        return 0
    if status == "STOPPED":
        again = (
            "the same with sweep.resume=FOLDER" if job.startswith("sweep-") else f"{COMMAND} resume=FOLDER"
        )
        print(f"job {job} was stopped; to go on: {again}", file=sys.stderr)
        return FAILED
    code = known.driver_exit_code
    reason = f"exit code {code}" if code is not None else _one_line(known.message or "no reason is known")
    print(f"job {job} failed: {reason}", file=sys.stderr)
    return MISTAKE if code == MISTAKE else FAILED


def _cancel(cluster: Cluster, job: str) -> int:
    known = cluster.stop(
        job, lambda: print(f"stopping {job}: its runs save their state, and MLflow gets the rest", flush=True)
    )
    print(f"job {job}: {known.status.value}")
    return 0


def _hints(cluster: Cluster, job: str) -> str:
    from .cluster import ADDRESS

    address = cluster.address_for_people
    there = "" if address == ADDRESS else f"--address {shlex.quote(address)} "
    return f"follow {COMMAND} {there}--follow {job}\ncancel {COMMAND} {there}--cancel {job}"


def _show(cluster: Cluster) -> None:
    """Print the cluster's jobs, oldest first, a line each."""
    for job in cluster.jobs():
        since = time.strftime("%m-%d %H:%M", time.localtime((job.start_time or 0) / 1000))
        by = (job.metadata or {}).get(keys.SUBMITTED_BY, "")
        print(_one_line(f"{job.submission_id}  {since}  {job.status.value:9}  {by}  {job.entrypoint}"))


def _one_line(text: str) -> str:
    """Return a text of somebody else's without what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)
