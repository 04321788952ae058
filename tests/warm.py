"""A process that has imported what a training run imports, and forks the commands of tests from itself.

``python -m runner`` spends most of a short run on imports (torch, scikit-learn, matplotlib). A command that
is forked from here is the same command without them: a process of its own, with its own folder, environment,
arguments, output, exit code and end.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

Finished = subprocess.CompletedProcess[str]

IMPORTED = [
    "matplotlib.backends.backend_agg",
    "sklearn.datasets",
    "sklearn.model_selection",
    "torch._dynamo",
    "runner.dispatch",
    "runner.run.resume",
    "runner.training.build",
]


class Warm:
    """The server, started at the first command."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def run(
        self, folder: Path, module: str, arguments: list[str], environment: dict[str, str], timeout: float
    ) -> Finished:
        """Run ``python -m <module> <arguments>`` in a folder to its end.

        Raises:
            TimeoutExpired: it did not end in ``timeout`` seconds; it was killed.
        """
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, __file__],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        server = self._server
        assert server.stdin is not None
        assert server.stdout is not None
        with TemporaryDirectory() as said:
            out, err = Path(said, "out"), Path(said, "err")
            order = [str(folder), module, arguments, environment, str(out), str(err)]
            print(json.dumps(order), file=server.stdin, flush=True)
            timer = threading.Timer(timeout, lambda: os.killpg(server.pid, 9))
            timer.start()
            code = server.stdout.readline()
            timer.cancel()
            if not code:
                self._server = None
                raise subprocess.TimeoutExpired(
                    [module, *arguments], timeout, out.read_bytes(), err.read_bytes()
                )
            return Finished([module, *arguments], int(code), out.read_text(), err.read_text())

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.communicate()


def serve() -> None:
    """Import, then fork a command for each line that is read, and print its exit code when it ends."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or each child's first collection would copy all that was imported
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            end(lambda order=order: become(*order))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(
    folder: str, module: str, arguments: list[str], environment: dict[str, str], out: str, err: str
) -> None:
    """Be the command, in this process."""
    import multiprocessing.process

    for stream, file in ((0, os.devnull), (1, out), (2, err)):
        flags = os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(file, flags, 0o600), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    multiprocessing.process.ORIGINAL_DIR = folder  # type: ignore[attr-defined]  # where its own children begin
    sys.path[0] = folder
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def end(command: Callable[[], None]) -> NoReturn:
    """Do a command, then what an interpreter does at its end, but for taking the imported modules apart."""
    code: object = 0
    try:
        command()
    except SystemExit as left:
        code = left.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads that are no daemons
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve()
