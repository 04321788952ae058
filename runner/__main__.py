"""``python -m runner``: train one run, or with ``-m`` a sweep of them."""

from __future__ import annotations

import math
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig

from . import messages, sweep
from .config import register_schema
from .errors import ConfigError, Diverged, Interrupted

if TYPE_CHECKING:
    from omegaconf import DictConfig

BUG, MISTAKE = 1, 2  # exit codes


def _task(cfg: DictConfig) -> float:
    """Run one job; return what a sweeper minimises, the final validation loss."""
    from .job import run  # imports torch: not needed for --help, --cfg or a wrong name

    global _refused
    context = HydraConfig.get()
    try:
        return run(cfg, Path(context.runtime.output_dir), list(context.overrides.task)).val_loss
    except (ConfigError, Diverged) as error:
        if sweep.current is not None:
            raise
        _refused = error  # Hydra would print lines of its own around what is raised here
        return math.nan


_refused: ConfigError | Diverged | None = None


def main() -> int:
    """Run the command line; return the exit code: 0 done, 1 failed, 2 the user's mistake, 128 + signal."""
    register_schema()
    app = hydra.main(version_base="1.3", config_path="pkg://conf", config_name="config")(_task)
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what went wrong instead of printing it
    code, interrupted = 0, False
    try:
        app()
        if _refused is not None:
            raise _refused
    except (Interrupted, KeyboardInterrupt) as error:
        interrupted = True
        code = 128 + (error.signum if isinstance(error, Interrupted) else signal.SIGINT)
        print(f"error: {error or 'stopped'}", file=sys.stderr)
    except Exception as error:
        known = messages.explain(error)
        told = sweep.current is not None and bool(sweep.current.failed)  # when its job failed
        if wants_traceback or (known is None and not told):
            traceback.print_exc()
        elif not told:
            print(f"error: {known}", file=sys.stderr)
        code = BUG if known is None or isinstance(error, Diverged) else MISTAKE
    finally:
        if sweep.current is not None:
            sweep.current.close(interrupted=interrupted)
    if sweep.current is not None and (sweep.current.finished or sweep.current.failed):
        from .screen import show_sweep

        show_sweep(sweep.current)
    return code


if __name__ == "__main__":
    sys.exit(main())
