"""A sweep sent to the compose file's services survives the death of a worker and of the tracking server."""

import json
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

import schedules
from runner.record.directory import RunDirectory, find

from ..runner.processes import COUNTED, counted, rows, wait_for
from .stack import Stack, stack

STEPS = 1500
SWEEP = [
    "-m", "schedule=cosine,wsd", "seed=0,1", f"trainer.steps={STEPS}", "model.hidden=[256,256]",
    "trainer.checkpoint_steps=100",
]  # fmt: skip
SECRETS = ("POSTGRES_PASSWORD", "MLFLOW_AUTH_ADMIN_PASSWORD", "RUNNER_PASSWORD", "RAY_AUTH_TOKEN")
KEPT = {"env", "postgres"}  # the .env itself, and the database, which holds no secret but hashes of them
FAR = 300  # steps: two jobs have come so far when the worker dies

TAGGED = "SELECT runs.run_uuid, name, status FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid WHERE "
PARENT = f"{TAGGED} tags.key = 'sweep.overrides'"
CHILDREN = f"{TAGGED} tags.key = 'mlflow.parentRunId' AND tags.value = "
VALUES = "SELECT value FROM metrics WHERE key = 'lr' AND run_uuid = '{run}' ORDER BY step"


def ask(services: Stack, query: str) -> list[tuple[str, ...]]:
    """Ask the stack's PostgreSQL."""
    psycopg2 = pytest.importorskip("psycopg2")
    given = services.instances["tracking"][0].environment()
    who = {"user": given["PGUSER"], "password": given["PGPASSWORD"], "dbname": given["PGDATABASE"]}
    address = {"host": "127.0.0.1", "port": given["PGPORT"]}
    with closing(psycopg2.connect(**address, **who)) as database, database.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def jobs(services: Stack) -> list[RunDirectory]:
    """The run directories of the sweep's jobs that have begun."""
    return [each for each in find(services.folder / "volumes" / "runs") if each.order.parent is not None]


def leaks(services: Stack) -> list[str]:
    """Where a secret of the stack can be read: the command lines of its processes, any file in its folder."""
    secrets = [services.variables[name].encode() for name in SECRETS]
    places = [Path(f"/proc/{process}/cmdline") for process in services.processes()]
    places += [p for p in services.folder.rglob("*") if p.is_file() and not KEPT & set(p.parts)]
    found = []
    for place in places:
        with suppress(OSError):  # a process that has ended
            text = place.read_bytes()
            found += [f"{place}: {name}" for name, word in zip(SECRETS, secrets, strict=True) if word in text]
    assert len(places) > 50
    return found


@pytest.mark.slow
def test_a_submitted_sweep_survives_a_worker_and_the_server():
    with stack(WORKERS="2", WORKER_CPUS="1") as services:
        services.up("ray-worker")
        submitted = services.begin("runner", "submit", *SWEEP)

        def two_are_at_it() -> bool:
            assert submitted.poll() is None, submitted.communicate()
            going = [each for each in jobs(services) if each.steps.exists() and each.ending is None]
            return len([each for each in going if rows(each) > FAR]) == 2

        wait_for(two_are_at_it)
        services.instances["ray-worker"][0].kill()
        services.kill("tracking")
        had = sum(rows(each) for each in jobs(services))
        wait_for(
            lambda: sum(rows(each) for each in jobs(services)) > had + 100
        )  # training goes on without it
        services.start("tracking")
        out, err = submitted.communicate(timeout=240)

        assert submitted.returncode == 0, out + err
        assert not leaks(services)
        assert "4 runs" in out
        [(parent, _, status)] = ask(services, PARENT)
        assert status == "FINISHED"
        children = ask(services, f"{CHILDREN}'{parent}'")
        assert [status for *_, status in children] == ["FINISHED"] * 4
        assert ask(services, "SELECT COUNT(*) FROM runs") == [(5,)]
        for run, name, _ in children:
            table = counted(ask(services, COUNTED.format(run=run)))
            for key in ("lr", "momentum", "loss"):
                assert table[key] == (STEPS, STEPS, STEPS - 1), name
        for each in jobs(services):
            wanted = schedules.values(schedules.from_spec(each.order.plan["lr"]), STEPS)
            assert each.sent is not None
            stored = ask(services, VALUES.format(run=each.sent.run_id))
            np.testing.assert_allclose([value for (value,) in stored], wanted, rtol=1e-12)
        resumed = [each for each in jobs(services) if each.order.resumed]
        assert resumed, "no job went on from its checkpoint"
        assert all(step >= 100 for each in resumed for step in each.order.resumed)
        manifest = json.loads((resumed[0].path.parent / "manifest.json").read_text())
        assert sorted(job["attempts"] for job in manifest) == [1, 1, 1, 2]
