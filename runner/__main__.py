"""``python -m runner``: train one run, or with ``-m`` a sweep of them."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import hydra
except ModuleNotFoundError as missing:
    if missing.name != "hydra":
        raise
    print(
        "error: the runner needs packages that came without it: pip install 'schedule-lab[runner]'",
        file=sys.stderr,
    )
    sys.exit(2)
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from .commands.table import COMMANDS, listing
from .errors import BUG, MISTAKE, ConfigError, Diverged, Interrupted, JobFailed, Planned, ThroughHydra
from .launch import plugins
from .launch.conclude import conclude
from .launch.options import register_options
from .settings import messages
from .settings.config import refuse_moving
from .settings.environment import forget_empty
from .settings.overrides import key_of
from .settings.packages import conf_folder, refuse_foreign, see_working_directory
from .sweep import session  # by its module: a launcher pickles the task with the names that it uses
from .sweep.arguments import spell_out
from .training import ranks

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> int:
    """Run the command line; return the exit code: 0 done, 1 failed, 2 the user's mistake, 128 + signal."""
    arguments = sys.argv[1:]
    if ranks.number() > 0:  # started by torchrun: the first process composes, the others follow it
        from .training.together import follow

        code = follow()
        sys.stderr.flush()
        os._exit(code)  # torch's threads can abort a follower that ends like other programs
    see_working_directory()
    forget_empty()
    if arguments and arguments[0] in COMMANDS:
        module = importlib.import_module(f".{COMMANDS[arguments[0]].module}", __package__)
        return _guarded(lambda: module.main(arguments[1:]))
    if ranks.is_together():
        from .training.together import Leader

        session.SESSION.context.trainer = Leader()
    if any(argument.startswith("resume=") for argument in arguments):
        return _guarded(lambda: _resume(arguments))
    return _guarded(_compose)


def _resume(arguments: list[str]) -> int:
    from .run.resume import resume

    which = next(a for a in arguments if a.startswith("resume="))
    resume(which.removeprefix("resume="), [a for a in arguments if a != which], session.SESSION.context)
    return 0


def _compose() -> int:
    """Let Hydra compose the config and run one job, or with ``-m`` a sweep."""
    refuse_foreign()
    _refuse_misspelt(sys.argv[1:])
    plugins.register()
    OmegaConf.register_new_resolver("commands", listing, replace=True)
    if {"-m", "--multirun", "--plan"} & set(sys.argv):
        sys.argv[1:] = spell_out(sys.argv[1:])  # first: the folder that sweep.resume names needs no quotes
    register_options([word for word in sys.argv[1:] if "=" in word and not word.startswith("-")])
    hydra.main(version_base="1.3", config_path=conf_folder(), config_name="config")(_task)()
    return 0


def _refuse_misspelt(arguments: list[str]) -> None:
    """Raise for a command that there is not; Hydra would speak of an override."""
    word = arguments[0] if arguments else "-"
    if "=" not in word and word[0] not in "-~":
        from schedules.names import nearest

        raise ConfigError(f"there is no command {word!r}; {nearest(word, list(COMMANDS))}")


def _task(cfg: DictConfig) -> float:
    """Run one job; return what a sweeper minimises, the final validation loss."""
    from .dispatch import run  # not needed for --help, --cfg or a wrong name

    hydra_config = HydraConfig.get()
    try:
        session.SESSION.join()
        if session.SESSION.sweep is None:
            _refuse_sweep(cfg)
        refuse_moving(hydra_config)
        path, overridden = Path(hydra_config.runtime.output_dir), list(hydra_config.overrides.task)
        overridden += [each for each in hydra_config.overrides.hydra if key_of(each) == "hydra.searchpath"]
        result = run(cfg, path, overridden, session.SESSION.context)
    except Exception as error:
        if session.SESSION.sweep is not None or messages.explain(error) is None:
            raise
        raise ThroughHydra(error) from error
    if session.SESSION.sweep is not None:
        session.SESSION.sweep.note(result)
    return result.val_loss


def _refuse_sweep(cfg: DictConfig) -> None:
    """Raise where a single run has a setting that only a sweep can follow."""
    for name in ("plan", "resume"):
        if cfg.sweep[name]:
            raise ConfigError(f"sweep.{name} is of a sweep, and this is one run: add -m")


def _guarded(work: Callable[[], int]) -> int:
    """Do the work; turn what it raises into a message and an exit code; end the sweep, if there is one."""
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what went wrong instead of printing it
    code, interrupted = 0, False
    try:
        code = work()
    except Planned:
        pass
    except BrokenPipeError:  # as of "--help | head": whoever read has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except (Interrupted, KeyboardInterrupt) as error:
        interrupted = True
        code = 128 + (error.signum if isinstance(error, Interrupted) else signal.SIGINT)
        print(f"error: {str(error) or 'stopped'}", file=sys.stderr)
    except (ThroughHydra, Exception) as caught:
        code = _explain(caught.error if isinstance(caught, ThroughHydra) else caught, wants_traceback)
    finally:
        session.SESSION.end(interrupted=interrupted)
    conclude(session.SESSION.sweep, interrupted=interrupted)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # as of "--help | head": whoever read has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


def _explain(error: Exception, wants_traceback: bool) -> int:
    """Print what the user should know of an error; return the exit code."""
    known = messages.explain(error)
    is_said = session.SESSION.sweep is not None and session.SESSION.sweep.has_lost_jobs  # when its job failed
    if wants_traceback or (known is None and not is_said):
        traceback.print_exception(error)
    elif not is_said:
        print(f"error: {known}", file=sys.stderr)
        if known is not None and known.endswith("tokens_per_step, which is not known here"):
            _tell_scaled()
    is_mistake = known is not None and not isinstance(error, (Diverged, JobFailed))
    return MISTAKE if is_mistake and not messages.is_full(error) else BUG


def _tell_scaled() -> None:
    """Say how the published recipe of this command line is scaled to data that have no tokens."""
    from schedules.show import recipes

    for chosen in (
        word.removeprefix("schedule=") for word in sys.argv if word.startswith("schedule=recipe/")
    ):
        if overrides := recipes.scaled(chosen):
            print(f"scaled to any run: {overrides}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
