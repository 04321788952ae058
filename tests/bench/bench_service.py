"""What the team's tracking server carries: runs at a time that log every step, through the compose file.

PostgreSQL and the tracking server run as ``docker/compose.yaml`` says, on this machine's loopback. Each
client is a process with a run directory of its own: one thread writes a row of learning rate, momentum and
loss for each step, at a steady rate, as training does; the rest is what a run's uploader does. When all have
ended, the points of every run are counted in PostgreSQL.

Usage: ``python tests/bench/bench_service.py [--runs 16] [--rate 50] [--seconds 60] [--json FILE]``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

COLUMNS = ("lr", "momentum", "loss")
SERVICES = ("postgres", "tracking")
Client = subprocess.Popen[str]
LONGEST = 120.0  # seconds after the last step: a client that has not delivered by then gives up
COUNTED = "SELECT COUNT(*), COUNT(DISTINCT (run_uuid, key, step)) FROM metrics"


def client(path: Path, rate: float, steps: int) -> None:
    """Be one run: say ``ready``, wait for a line, log all steps, say how each batch went."""
    from mlflow.tracking import MlflowClient

    from runner.record.directory import Ending, Order, RunDirectory, now
    from runner.record.journal import Journal
    from runner.tracking.delivery import Delivery
    from runner.tracking.uploader import TICK, clean_environment

    clean_environment()
    directory = RunDirectory(path)
    directory.path.mkdir()
    uri = os.environ["MLFLOW_TRACKING_URI"]
    directory.write(Order(uuid.uuid4().hex, uri, "load", path.name, {}, {}, now()))
    taken: list[float] = []
    errors: list[str] = []
    send = MlflowClient.log_batch

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        answer = send(*arguments, **named)
        taken.append(time.perf_counter() - began)
        return answer

    MlflowClient.log_batch = timed
    delivery = Delivery(directory)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()

    def train() -> None:
        with Journal(directory.steps, COLUMNS) as journal:
            for step in range(steps):
                time.sleep(max(0.0, began + step / rate - time.monotonic()))
                journal.append(step, (0.1, 0.9, 1.0 / (step + 1)))
                journal.flush()
        directory.write(Ending("FINISHED", now()))

    training = threading.Thread(target=train)
    training.start()
    trained = None
    while time.monotonic() < began + steps / rate + LONGEST:
        trained = trained or (None if training.is_alive() else time.monotonic())
        try:
            if delivery.advance():
                break
        except Exception as error:
            errors.append(repr(error)[:200])
        time.sleep(TICK)
    else:
        errors.append("not everything was delivered in time")
    behind = time.monotonic() - (trained or time.monotonic())
    print(json.dumps({"batches": taken, "errors": errors, "behind": behind}), flush=True)


def memory(process: int) -> float:
    """Return what a process and those that it started hold, shared pages counted once [MB]."""
    import psutil

    first, total = psutil.Process(process), 0.0
    for each in [first, *first.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            total += each.memory_full_info().pss / 1e6
    return total


@contextmanager
def clients(runs: int, folder: Path, environment: dict[str, str], *options: str) -> Iterator[list[Client]]:
    """Yield so many clients, each ready to begin, and kill what is left of them."""
    command = [sys.executable, __file__, *options, "--client"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    made = [subprocess.Popen([*command, str(folder / str(n))], env=environment, **pipes) for n in range(runs)]
    try:
        for each in made:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n", "a client did not start"
        yield made
    finally:
        for each in made:
            each.kill()
            each.wait()


def load(runs: int, rate: float, seconds: float) -> dict[str, Any]:
    """Start the services and the clients; return what was measured."""
    import psycopg2

    from tests.service.stack import stack

    steps = int(rate * seconds)
    with stack() as services:
        services.up("accounts")
        folder = services.folder / "runs"
        folder.mkdir()
        account = services.services["ray-worker"].environment
        names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
        known = os.environ | {"MLFLOW_TRACKING_URI": services.uri(), "OMP_NUM_THREADS": "1"}
        known |= {name: account[name] for name in names}
        with clients(runs, folder, known, f"--rate={rate}", f"--steps={steps}") as started:
            began = time.monotonic()
            for each in started:
                assert each.stdin is not None
                each.stdin.write("go\n")
                each.stdin.flush()
            time.sleep(seconds / 2)
            held = {name: memory(services.instances[name][0].process.pid) for name in SERVICES}
            # MLflow prints lines of its own before the last.
            said = [json.loads(each.communicate()[0].splitlines()[-1]) for each in started]
            took = time.monotonic() - began
        given = services.instances["tracking"][0].environment()
        database = {"host": "127.0.0.1", "port": given["PGPORT"], "dbname": given["PGDATABASE"]}
        who = {"user": given["PGUSER"], "password": given["PGPASSWORD"]}
        with closing(psycopg2.connect(**database, **who)) as connection, connection.cursor() as cursor:
            cursor.execute(COUNTED)
            points, distinct = cursor.fetchone() or (0, 0)
    batches = np.array([seconds for each in said for seconds in each["batches"]])
    return {
        "runs": runs,
        "steps a second of each": rate,
        "seconds": seconds,
        "points wanted": runs * steps * len(COLUMNS),
        "points in PostgreSQL": points,
        "of them distinct": distinct,
        "points a second": points / took,
        "batches": len(batches),
        "p50 of a batch [ms]": 1000 * float(np.percentile(batches, 50)),
        "p99 of a batch [ms]": 1000 * float(np.percentile(batches, 99)),
        "delivered after the last step [s]": max(each["behind"] for each in said),
        "errors": sum(len(each["errors"]) for each in said),
        "first error": next((error for each in said for error in each["errors"]), ""),
        **{f"memory of {name} [MB]": held[name] for name in SERVICES},
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--rate", type=float, default=50.0, help="steps a second of each run")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--client", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.client:
        client(asked.client, asked.rate, asked.steps)
        return 0
    measured = load(asked.runs, asked.rate, asked.seconds)
    for name, value in measured.items():
        print(f"{name:34} {f'{value:,.1f}' if isinstance(value, float) else value}")
    if asked.json:
        asked.json.write_text(json.dumps(measured, indent=1))
    whole = measured["points wanted"] == measured["points in PostgreSQL"] == measured["of them distinct"]
    return 0 if whole and not measured["errors"] else 1


if __name__ == "__main__":
    sys.exit(main())
