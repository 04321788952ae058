"""Names that would be code somewhere else do no harm: in the shell, in the report, in MLflow's pages."""

import json
import subprocess
import sys

import pytest

from ..conftest import environment
from ..runner.processes import wait_for
from .stack import stack
from .test_access import ask, user

pytestmark = [pytest.mark.slow, pytest.mark.soak]

NAME = (
    '<img src=x onerror=document.title="harmed">; touch harmed; $(touch harmed) `touch harmed` | touch harmed'
)


def test_html_and_shell_in_a_name_do_no_harm(browser, tmp_path):
    with stack() as served:
        served.up("accounts")
        admin = user(served, "admin")
        account = {"MLFLOW_TRACKING_USERNAME": admin[0], "MLFLOW_TRACKING_PASSWORD": admin[1]}
        asked = ["tracking=server", f"tracking.experiment='{NAME}'", "seed=0,1", "schedule=cosine,constant"]
        done = subprocess.run(
            [sys.executable, "-m", "runner", "-m", "trainer.steps=10", *asked],
            cwd=tmp_path,
            env=environment() | account | {"MLFLOW_TRACKING_URI": served.uri()},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        assert not [*tmp_path.rglob("harmed"), *served.folder.rglob("harmed")]
        report = next(tmp_path.rglob("report.html")).read_text()
        assert "<img src=x" not in report
        assert "&lt;img src=x" in report

        _, found = ask(served.uri(), admin, "/api/2.0/mlflow/experiments/search?max_results=9")
        made = next(one for one in json.loads(found)["experiments"] if one["name"] == NAME)
        place = f"/#/experiments/{made['experiment_id']}"
        body = {"experiment_ids": [made["experiment_id"]]}
        _, found = ask(served.uri(), admin, "/api/2.0/mlflow/runs/search", "POST", body)
        runs = {run["info"]["run_name"]: run["info"]["run_id"] for run in json.loads(found)["runs"]}
        sweep = next(run_id for name, run_id in runs.items() if name.startswith("sweep"))
        browser.get(f"{served.uri()}/".replace("//", f"//{admin[0]}:{admin[1]}@"))
        pages = ["/#/experiments", f"{place}/runs", f"{place}/runs/{sweep}"]
        pages += [f"{place}/runs/{sweep}/artifacts/report/report.html"]
        for page in pages:
            browser.get("about:blank")
            browser.get(served.uri() + page)
            wait_for(lambda: "onerror=" in browser.find_element("tag name", "body").text, 60)
            assert browser.execute_script("return document.querySelectorAll('img[src=x]').length") == 0, page
            assert "harmed" not in browser.title.split("<")[0], page
