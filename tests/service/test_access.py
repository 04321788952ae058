"""Who gets in, what they may do there, and what never gets out: on MLflow's server as the stack runs it."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from pathlib import Path

import matplotlib
import pytest

from ..conftest import environment
from .stack import stack

pytestmark = pytest.mark.slow

OPEN = {"/health", "/static-files/<path:path>"}  # says that it lives; the page's code, the same everywhere
OPEN |= {f"/{api}/3.0/mlflow/server-info" for api in ("api", "ajax-api")}  # names its abilities


@pytest.fixture(scope="module")
def served():
    """The tracking server of the stack on PostgreSQL, and three accounts: admin, runner, alice."""
    with stack() as made:
        made.up("accounts")
        made.variables["alice"] = made.run("admin", "add", "alice").stdout.split()[-1]
        yield made


def user(served, name: str) -> tuple[str, str]:
    password = {"admin": "MLFLOW_AUTH_ADMIN_PASSWORD", "runner": "RUNNER_PASSWORD"}.get(name, name)
    return name, served.variables[password]


def ask(uri, who, path, method="GET", body=None, **headers) -> tuple[int, str]:
    """Send one request; return the status and the answer."""
    if who is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(who).encode()).decode()}"
    if isinstance(body, dict):
        headers["Content-Type"], body = "application/json", json.dumps(body).encode()
    request = urllib.request.Request(f"{uri}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def told(served, who, path, **body):
    """Return what the server answers to a request that it must take."""
    status, text = ask(served.uri(), who, f"/api/2.0/mlflow/{path}", "POST", body)
    assert status == 200, text
    return json.loads(text)


def train(served, folder, *arguments, **variables):
    """Run ``python -m runner`` as on a machine of the team: it knows the address, and what is given here."""
    home = {
        "HOME": str(folder),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),
        "MLFLOW_TRACKING_URI": served.uri(),
    }
    return subprocess.run(
        [sys.executable, "-m", "runner", "tracking=server", "trainer.steps=20", *arguments],
        cwd=folder,
        env=environment() | home | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def keep_account(home, who) -> None:
    """Write MLflow's own file of credentials."""
    (home / ".mlflow").mkdir()
    lines = ["[mlflow]", f"mlflow_tracking_username = {who[0]}", f"mlflow_tracking_password = {who[1]}"]
    (home / ".mlflow" / "credentials").write_text("\n".join(lines))


def routes():
    """Every path that MLflow's server answers, with its methods."""
    from mlflow.server import app

    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield rule.rule, method


def test_without_an_account_there_is_nothing(served):
    nobody, wrong = [None], [("admin", "wrong password"), ("nobody", "x" * 20), ("runner", "")]
    paths = {(path, method) for path, method in routes() if path not in OPEN}
    paths |= {("/", "GET"), ("/v1/traces", "POST"), ("/docs", "GET"), ("/openapi.json", "GET")}
    assert len(paths) > 200
    answers = {
        (path, method): ask(served.uri(), None, re.sub("<.*?>", "1", path), method)[0]
        for path, method in paths
    }
    assert Counter(answers.values()) == {401: len(paths)}, [p for p, s in answers.items() if s != 401]
    for who in nobody + wrong:
        for path in ("/", "/api/2.0/mlflow/experiments/get?experiment_id=0", "/get-artifact", "/graphql"):
            assert ask(served.uri(), who, path)[0] == 401


def test_a_wrong_host_gets_nothing_on_any_port(served):
    admin, path = user(served, "admin"), "/api/2.0/mlflow/users/list"
    port = served.uri().rpartition(":")[2]
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "tracking.evil.example:5000",
        f"127.0.0.1.evil:{port}",
    ):
        assert ask(served.uri(), admin, path, Host=host) == (
            403,
            "Invalid Host header - possible DNS rebinding attack detected",
        )
    for host in (f"localhost:{port}", "tracking:5000"):
        assert ask(served.uri(), admin, path, Host=host)[0] == 200


def test_another_s_site_cannot_write_with_a_visitor_s_account(served):
    body = {"name": "from another site"}
    answer = ask(
        served.uri(),
        user(served, "admin"),
        "/api/2.0/mlflow/experiments/create",
        "POST",
        body,
        Origin="http://evil.example",
    )
    assert answer[0] == 403


def test_reading_is_for_all_and_writing_for_those_who_were_granted_it(served, tmp_path):
    alice, runner = user(served, "alice"), user(served, "runner")
    theirs = told(served, runner, "experiments/create", name="theirs")["experiment_id"]
    run = told(served, runner, "runs/create", experiment_id=theirs)["run"]["info"]
    assert told(served, alice, "runs/search", experiment_ids=[theirs])["runs"]
    one = {"run_id": run["run_id"]}
    for path, body in {
        "runs/create": {"experiment_id": theirs},
        "runs/delete": one,
        "runs/update": one | {"status": "FAILED"},
        "runs/set-tag": one | {"key": "a", "value": "b"},
        "runs/log-batch": one | {"metrics": [{"key": "lr", "value": 1, "timestamp": 1, "step": 1}]},
        "experiments/delete": {"experiment_id": theirs},
        "experiments/update": {"experiment_id": theirs, "new_name": "mine"},
    }.items():
        assert ask(served.uri(), alice, f"/api/2.0/mlflow/{path}", "POST", body)[0] == 403, path
    place = run["artifact_uri"].removeprefix("mlflow-artifacts:")
    file = f"/api/2.0/mlflow-artifacts/artifacts{place}/file"
    assert ask(served.uri(), alice, file, "PUT", b"mine now")[0] == 403
    assert ask(served.uri(), alice, file, "DELETE")[0] == 403
    for path, body in {
        "create": {"username": "mallory", "password": "x" * 20},
        "update-admin": {"username": "alice", "is_admin": True},
        "update-password": {"username": "admin", "password": "x" * 20},
        "delete": {"username": "runner"},
    }.items():
        method = {"create": "POST", "delete": "DELETE"}.get(path, "PATCH")
        assert ask(served.uri(), alice, f"/api/2.0/mlflow/users/{path}", method, body)[0] == 403, path

    keep_account(tmp_path, alice)
    refused = train(served, tmp_path, "tracking.experiment=theirs")
    assert refused.returncode == 2
    grant = "python -m runner users grant alice theirs EDIT"
    assert refused.stderr.strip() == (
        "error: tracking.experiment must be one that 'alice' may write, got 'theirs'; "
        f"an admin allows it: {grant}"
    )
    assert served.run("admin", *grant.split()[4:]).stdout == "alice has EDIT on theirs\n"
    done = train(served, tmp_path, "tracking.experiment=theirs")
    assert done.returncode == 0, done.stderr
    assert len(told(served, alice, "runs/search", experiment_ids=[theirs])["runs"]) == 2
    for file in filter(os.path.isfile, (tmp_path / "outputs").rglob("*")):
        assert alice[1].encode() not in file.read_bytes(), file


def test_a_wrong_password_is_said_before_training(served, tmp_path):
    wrong = {"MLFLOW_TRACKING_USERNAME": "runner", "MLFLOW_TRACKING_PASSWORD": "not that one"}
    done = train(served, tmp_path, **wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        f"error: tracking.uri must be a server that lets you in, got '{served.uri()}': "
        "it refused 'runner' with that password; .*~/.mlflow/credentials\n",
        done.stderr,
    )


def test_no_secret_is_written_or_shown(served):
    names = [name for name in served.variables if re.search("PASSWORD|SECRET|TOKEN|alice", name)]
    secrets = {served.variables[name].encode() for name in names}
    secrets |= {base64.b64encode(f"runner:{served.variables['RUNNER_PASSWORD']}".encode())}
    assert len(secrets) == 7
    shown: set[bytes] = set()
    process = served.begin("runner", "tracking=server", "tracking.experiment=quiet", "trainer.epochs=30")
    while process.poll() is None:
        for file in Path("/proc").glob("[0-9]*/cmdline"):  # of any process, whoever started it
            with suppress(OSError):
                shown.add(file.read_bytes())
        time.sleep(0.05)
    out, err = process.communicate()
    assert process.returncode == 0, err
    for one in (b"runner.tracking.uploader", b"basic-auth", b"postgres: mlflow"):
        assert any(one in line for line in shown), one
    assert not [line for line in shown if any(secret in line for secret in secrets)]
    assert not [secret for secret in secrets if secret.decode() in out + err]
    files = [file for file in served.folder.rglob("*") if file.is_file() and file.name != "env"]
    found = [file for file in files for secret in secrets if secret in file.read_bytes()]
    assert not found
    assert {"curves.parquet", "steps.journal", "tracking-1.log", "PG_VERSION"} <= {
        file.name for file in files
    }
    runner = user(served, "runner")
    quiet = told(served, runner, "experiments/search", max_results=100, filter="name = 'quiet'")[
        "experiments"
    ]
    kept = told(served, runner, "runs/search", experiment_ids=[quiet[0]["experiment_id"]])["runs"]
    assert len(kept) == 1
    assert kept[0]["data"]["params"]
    assert not [secret for secret in secrets if secret.decode() in json.dumps(kept)]
