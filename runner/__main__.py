"""``python -m runner``: train one run, or with ``-m`` a sweep of them."""

from __future__ import annotations

import argparse
import importlib
import math
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig

from .errors import ConfigError, Diverged, Interrupted, JobFailed, Planned
from .settings import messages
from .settings.config import register_schema
from .sweep import sweep
from .sweep.tags import POOLED
from .tracking import courier
from .training import ranks, together

if TYPE_CHECKING:
    from omegaconf import DictConfig

BUG, MISTAKE = 1, 2  # exit codes


def _task(cfg: DictConfig) -> float:
    """Run one job; return what a sweeper minimises, the final validation loss."""
    from .run.start import run  # imports torch: not needed for --help, --cfg or a wrong name

    global _refused
    context = HydraConfig.get()
    sweep.join()
    try:
        if sweep.current is None:
            _refuse_sweep(cfg)
        summary = run(cfg, Path(context.runtime.output_dir), list(context.overrides.task))
        if sweep.current is not None:
            sweep.current.finished.append(summary)
        return summary.val_loss
    except (ConfigError, Diverged) as error:
        if sweep.current is not None:
            raise
        _refused = error  # Hydra would print lines of its own around what is raised here
        return math.nan


def _refuse_sweep(cfg: DictConfig) -> None:
    """Raise where one run is asked for what a sweep alone can do: it would train all the same."""
    for name in ("plan", "resume"):
        if cfg.sweep[name]:
            raise ConfigError(f"sweep.{name} is of a sweep, and this is one run: add -m")


_refused: ConfigError | Diverged | None = None


def _sync(arguments: list[str]) -> int:
    from .commands.sync import sync

    return BUG if sync(_folder("sync", arguments)) else 0


def _doctor(arguments: list[str]) -> int:
    from .commands.sync import doctor, doctor_of_store

    if "--store" not in " ".join(arguments):
        return BUG if doctor(_folder("doctor", arguments)) else 0
    parser = argparse.ArgumentParser("python -m runner doctor")
    parser.add_argument("--store", required=True, metavar="URI", help="close its silent runs")
    parser.add_argument("--experiment", default="schedule-lab")
    parser.add_argument("--silent", type=float, default=300.0, metavar="SECONDS", help="without a heartbeat")
    asked = parser.parse_args(arguments)
    doctor_of_store(asked.store, asked.experiment, asked.silent)
    return 0


def _folder(command: str, arguments: list[str]) -> Path:
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        raise ConfigError(
            f"usage: python -m runner {command} [DIR], by default outputs; got {' '.join(arguments)}"
        )
    return Path(arguments[0] if arguments else "outputs")


def _resume(arguments: list[str]) -> int:
    from .run.resume import resume

    which = next(a for a in arguments if a.startswith("resume="))
    resume(which.removeprefix("resume="), [a for a in arguments if a != which])
    return 0


def _of(module: str) -> Callable[[list[str]], int]:
    """Return the command that is a module's ``main``; it is imported when it is called."""

    def command(arguments: list[str]) -> int:
        done: int = importlib.import_module(f".{module}", __package__).main(arguments)
        return done

    return command


COMMANDS = {
    "compare": _of("compare.command"),
    "sync": _sync,
    "doctor": _doctor,
    "verify-resume": _of("commands.verify"),
    "submit": _of("service.submit"),
    "move": _of("service.move"),
    "users": _of("service.accounts"),
}


def main() -> int:
    """Run the command line; return the exit code: 0 done, 1 failed, 2 the user's mistake, 128 + signal."""
    arguments = sys.argv[1:]
    if ranks.number() > 0:  # started by torchrun: the first process composes, the others follow it
        code = together.follow()
        sys.stderr.flush()
        os._exit(code)  # torch's threads can abort a follower that ends like other programs
    if arguments and arguments[0] in COMMANDS:
        return _guarded(lambda: COMMANDS[arguments[0]](arguments[1:]))
    if any(argument.startswith("resume=") for argument in arguments):
        return _guarded(lambda: _resume(arguments))
    return _guarded(_compose)


def _compose() -> int:
    """Let Hydra compose the config and run one job, or with ``-m`` a sweep."""
    register_schema()
    if {"-m", "--multirun", "--plan"} & set(sys.argv):
        from .launch import spelled_out

        sys.argv[1:] = spelled_out(sys.argv[1:])
    app = hydra.main(version_base="1.3", config_path="pkg://conf", config_name="config")(_task)
    app()
    if _refused is not None:
        raise _refused
    return 0


def _guarded(work: Callable[[], int]) -> int:
    """Do the work; turn what it raises into a message and an exit code."""
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what went wrong instead of printing it
    code, interrupted = 0, False
    try:
        code = work()
    except Planned:
        pass
    except (Interrupted, KeyboardInterrupt) as error:
        interrupted = True
        code = 128 + (error.signum if isinstance(error, Interrupted) else signal.SIGINT)
        print(f"error: {str(error) or 'stopped'}", file=sys.stderr)
    except Exception as error:
        known = messages.explain(error)
        told = sweep.current is not None and sweep.current.is_told  # when its job failed
        if wants_traceback or (known is None and not told):
            traceback.print_exc()
        elif not told:
            print(f"error: {known}", file=sys.stderr)
        is_mistake = known is not None and not isinstance(error, (Diverged, JobFailed))
        code = MISTAKE if is_mistake and not messages.is_full(error) else BUG
    finally:
        if sweep.current is not None:
            sweep.current.close(interrupted=interrupted)
        courier.dismiss()
        together.dismiss()
    if sweep.current is not None and (sweep.current.finished or sweep.current.is_told):
        from .console import short, show_sweep

        is_compared = not interrupted and _is_comparable(sweep.current)
        show_sweep(sweep.current, is_ranked=not is_compared)
        if is_compared:
            _report(sweep.current)
        elif interrupted and sweep.current.launcher in POOLED:
            again = shlex.quote(f"sweep.resume={short(sweep.current.directory.path)}")
            print(f"next   the same command with {again} goes on")
    return code


def _is_comparable(mine: sweep.Sweep) -> bool:
    """Say whether a sweep has runs to compare, and the store has all of them."""
    is_sent = mine.is_delivered and mine.directory.sent is not None
    return is_sent and len(mine.judged()) + len(mine.diverged) > 1


def _report(mine: sweep.Sweep) -> None:
    """Compare what a sweep trained, and add the report to its run."""
    sent = mine.directory.sent
    assert sent is not None
    from .compare import report
    from .compare.show import page, tables
    from .console import err, out, short

    folder = mine.directory.path / report.PLACE
    try:
        collection, findings = report.report_on(mine.directory.order.uri, sent.run_id, folder)
    except ConfigError as error:
        err.print(f"warning: no report: {error}", soft_wrap=True)
        return
    except KeyboardInterrupt:  # the sweep itself has ended
        err.print("warning: no report: stopped; python -m runner compare makes it")
        return
    tables.show(collection, findings)
    out.print(f"report {short(folder / page.PAGE)}, and in MLflow with the sweep's run")


if __name__ == "__main__":
    sys.exit(main())
