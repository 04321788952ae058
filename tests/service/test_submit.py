"""Jobs for a Ray cluster: one head with a token, and the real command against it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from runner.console import look
from runner.errors import ConfigError
from runner.record.directory import Sent, find
from runner.service.submit import command_of, options_of

from ..conftest import LocalStore, environment
from ..runner.processes import free_port, rows, wait_for

TOKEN = "a-token-of-at-least-thirty-two-letters"
PASSWORD = "hunter2-of-the-submitter"


def command(*arguments):
    return command_of(options_of(list(arguments)))[3:]


def test_a_sweep_spreads_and_tracks_where_the_user_says_nothing_else():
    assert command("schedule=cosine,wsd", "-m") == [
        "-m", "schedule=cosine,wsd", "hydra/launcher=ray", "tracking=server",
    ]  # fmt: skip
    mine = ["hydra/launcher=local", "tracking=local"]
    assert command("-m", "--plan", *mine) == ["-m", "--plan", *mine]
    assert command("seed=1") == ["seed=1", "tracking=server"]


def test_a_resume_and_other_commands_are_sent_as_they_are():
    assert command("resume=outputs/x", "trainer.epochs=4") == ["resume=outputs/x", "trainer.epochs=4"]
    assert command("--", "doctor", "--store", "http://tracking:5000") == [
        "doctor", "--store", "http://tracking:5000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["seed=0,1"], "seed names several values: add -m"),
        (["seed"], "missing EQUAL"),
        (["tracking.uri=http://me:secret@host"], "an override must hold no password"),
        (["--lsit"], "unrecognized arguments: --lsit"),
    ],
)
def test_what_is_wrong_on_any_cluster_is_told_here(arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as told:
        command(*arguments)
    assert "secret" not in str(told.value)


def test_a_run_of_a_server_is_linked_at_its_address_for_people(monkeypatch):
    sent = Sent("abc", experiment_id="7")
    assert look("http://tracking:5000", sent) == "http://tracking:5000/#/experiments/7/runs/abc"
    monkeypatch.setenv("MLFLOW_UI", "https://mlflow.example.org/")
    assert look("http://tracking:5000", sent) == "https://mlflow.example.org/#/experiments/7/runs/abc"
    assert look("http://tracking:5000", Sent("abc")) == "https://mlflow.example.org"


class Head:
    """A Ray head in a folder of its own, and the command as its users run it."""

    def __init__(self, folder: Path) -> None:
        self.nodes, self.desk = folder / "nodes", folder / "desk"
        for each in (self.nodes, self.desk):
            each.mkdir()
        self.temp = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets lie in it
        self.address = f"http://127.0.0.1:{free_port()}"
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        ray = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
        store = {"MLFLOW_TRACKING_URI": f"sqlite:///{self.nodes}/mlflow.db"}
        options = {
            "port": free_port(),
            "dashboard-host": "127.0.0.1",
            "dashboard-port": self.address.rpartition(":")[2],
            "dashboard-agent-listen-port": free_port(),
            "ray-client-server-port": free_port(),
            "num-cpus": 1,
            "object-store-memory": 100_000_000,
            "temp-dir": self.temp,
        }
        with (folder / "head.log").open("wb") as log:
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("ray"), "start", "--head", "--block"]
                + [f"--{name}={value}" for name, value in options.items()],
                cwd=self.nodes,
                env=environment() | ray | store | {"PATH": programs},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(lambda: self._process.poll() is not None or self.answers())
        assert self._process.poll() is None, (folder / "head.log").read_text()

    def get(self, path: str) -> str:
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=10.0) as answer:
            return answer.read().decode()

    def answers(self) -> bool:
        with suppress(OSError):
            return json.loads(self.get("/api/jobs/")) == []
        return False

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        mine = {"RAY_AUTH_TOKEN": TOKEN, "RAY_API_SERVER_ADDRESS": self.address}
        return subprocess.Popen(
            [sys.executable, "-m", "runner", "submit", *arguments],
            cwd=self.desk,
            env=environment() | mine | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def end(self) -> None:
        mine = [*psutil.Process(self._process.pid).children(recursive=True), self._process]
        for each in mine:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                each.kill()
        self._process.wait()
        shutil.rmtree(self.temp, ignore_errors=True)


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    made = Head(tmp_path_factory.mktemp("cluster"))
    try:
        yield made
    finally:
        made.end()


def job_of(output: str) -> str:
    found = re.search(r"^job +(\S+)$", output, flags=re.MULTILINE)
    assert found, output
    return found[1]


@pytest.mark.slow
def test_hostile_words_do_no_harm_and_no_password_travels(head):
    name = "a'b\"; touch pwned; $(touch pwned) `touch pwned` <b>&\n|x"
    override = "tracking.experiment='" + name.replace("'", "\\'") + "'"
    done = head.do("trainer.steps=3", override, MLFLOW_TRACKING_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr

    job = job_of(done.stdout)
    assert f"page   {head.address}/#/jobs/{job}" in done.stdout
    assert re.search(r"^final +validation accuracy", done.stdout, flags=re.MULTILINE)
    assert shlex.quote(override) in done.stdout
    assert not [*head.nodes.rglob("pwned"), *head.desk.rglob("pwned")]
    assert not [*head.desk.iterdir()]

    kept = LocalStore(head.nodes)
    experiment = kept.client.get_experiment_by_name(name)
    [run] = [run for run in kept.runs() if run.info.experiment_id == experiment.experiment_id]
    assert run.data.tags["submitted.job"] == job
    assert run.data.tags["submitted.by"]
    [directory] = find(head.nodes / "outputs")
    assert run.data.tags["directory"] == str(directory.path)

    told = [head.get("/api/jobs/"), head.get(f"/api/jobs/{job}/logs"), done.stdout, done.stderr]
    told += [
        file.read_text() for file in directory.path.rglob("*") if file.suffix in (".json", ".yaml", ".txt")
    ]
    told += [str(run.data.to_dictionary())]
    assert not [text for text in told if PASSWORD in text or TOKEN in text]


@pytest.mark.slow
@pytest.mark.soak
def test_a_mistake_that_the_cluster_finds_is_told_as_one(head):
    done = head.do("schedule=cosin")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "did you mean 'cosine'" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["seed=1"], {"RAY_AUTH_TOKEN": "x" * 32}, "refused the token: set RAY_AUTH_TOKEN"),
        (
            ["--list", "--address", "http://127.0.0.1:9"],
            {},
            "http://127.0.0.1:9: [Errno 111] Connection refused",
        ),
        (["--list", "--address", "localhost:9"], {}, "--address must begin with http:// or https://"),
        (["--cancel", "nothing"], {}, "there is no job 'nothing'"),
        (["--cpus", "-1"], {}, "--cpus must be a number >= 0, got -1"),
        (["--modules", "nowhere"], {}, "--modules must be a package's folder"),
    ],
)
def test_a_mistake_of_address_token_or_option_is_one_line(arguments, variables, message, head):
    done = head.do(*arguments, **variables)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_ctrl_c_leaves_the_job_and_a_cancelled_one_keeps_its_points_and_goes_on(head):
    steps = 26_400  # longer than it takes to cancel it
    before = {each.path for each in find(head.nodes / "outputs")}
    following = head.start("schedule=cosine", f"trainer.steps={steps}")

    def trained():
        return [
            d for d in find(head.nodes / "outputs") if d.path not in before and d.steps.exists() and rows(d)
        ]

    wait_for(trained)
    [directory] = trained()
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=20)
    job = job_of(out)
    assert following.returncode == 130
    assert f"submit --address {head.address} --follow {job}" in err

    stopped = head.do("--cancel", job)
    assert stopped.returncode == 0, stopped.stderr
    assert f"job {job}: STOPPED" in stopped.stdout
    assert job in head.do("--list").stdout
    store, run_id = LocalStore(head.nodes), directory.sent.run_id
    kept = store.client.get_run(run_id)
    assert kept.info.status == "KILLED"
    done_steps = rows(directory)
    assert 0 < done_steps < steps
    assert len(store.points(kept, "loss")) == done_steps

    again = head.do(f"resume={os.path.relpath(directory.path, head.nodes)}")
    assert again.returncode == 0, again.stdout + again.stderr
    run = store.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert [step for step, _ in store.points(run, "loss")] == list(range(steps))


PLUGIN = '''
from dataclasses import dataclass
from schedules.fields import Value, settle
from schedules.registry import register


@register("half")
@dataclass(frozen=True, kw_only=True)
class Half:
    """Half of the peak."""

    peak_value: Value

    def __post_init__(self):
        settle(self)

    def __call__(self, step):
        return self.peak_value / 2 + 0 * step
'''


@pytest.mark.slow
@pytest.mark.soak
def test_a_package_of_the_users_own_reaches_every_job_of_a_sweep(head):
    (head.desk / "my_package").mkdir()
    (head.desk / "my_package" / "__init__.py").write_text(PLUGIN)
    done = head.do(
        "--modules", "my_package", "-m", "seed=0,1", "trainer.steps=3",
        "schedule=constant", "plugins=[my_package]", "schedule.lr.name=half",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^ +\d/2 +half lr=0.3 seed=\d", done.stdout, flags=re.MULTILINE)) == 2
