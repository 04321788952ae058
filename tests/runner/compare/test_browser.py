"""What a person sees in a browser: a sweep and its report in MLflow's pages, and the report as a file."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from runner.compare.report import report_on
from runner.record.directory import RunDirectory
from runner.run.report import look

from ..processes import Server, table, wait_for

pytestmark = pytest.mark.slow

EXPANDER = "[data-component-id*=runnamecellrenderer]"
LINES = """return [...document.querySelectorAll('.js-plotly-plot')].flatMap(
    plot => (plot.data || []).map(line => [line.name, line.metricKey, (line.x || []).length]))"""
WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = {"val/loss", "loss", "lr", "momentum"}
PAPER = "return getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def reported(swept, tmp_path_factory):
    """The sweep's report: its files, and what it says."""
    folder = tmp_path_factory.mktemp("reported")
    _, findings = report_on(swept.uri, swept.parent.info.run_id, folder)
    return folder, findings


@pytest.fixture(scope="module")
def server(swept, reported, tmp_path_factory):
    """MLflow's server on the sweep's store."""
    file = swept.folder / "mlflow.db"
    started = Server(tmp_path_factory.mktemp("server"), swept.uri, lambda run_id: table(file, run_id))
    try:
        started.start()
        yield f"{started.uri}/#/experiments/{swept.parent.info.experiment_id}/runs"
    finally:
        started.kill()


def opened(browser, address: str) -> Callable[[], str]:
    """Open a page as for the first time; returns the function that reads its text."""
    browser.get("about:blank")
    origin = address.partition("/#")[0]
    remembered = {"origin": origin, "storageTypes": "local_storage"}  # which sweeps were opened
    browser.execute_cdp_cmd("Storage.clearDataForOrigin", remembered)
    browser.get(address)
    return lambda: browser.find_element("tag name", "body").text


def expanded(browser) -> None:
    """Open the sweep among the runs."""
    wait_for(lambda: browser.find_elements("css selector", EXPANDER), 60)
    browser.find_element("css selector", EXPANDER).click()


def test_the_experiment_shows_the_sweep_and_its_jobs_by_name(browser, server, swept):
    text = opened(browser, server)
    wait_for(lambda: swept.parent.info.run_name in text(), 60)
    expanded(browser)
    wait_for(lambda: all(run.info.run_name in text() for run in swept.children), 30)


def finished(swept) -> list:
    """The jobs that trained to their end."""
    return [run for run in swept.children if run.info.status == "FINISHED"]


def lines_of(runs) -> set[tuple[str, str, int]]:
    """A line of every step for the rate and the loss of each run."""
    return {(run.info.run_name, key, 44) for run in runs for key in ("lr", "loss")}


def drawn(browser) -> set[tuple[str, str, int]]:
    """Run, metric and number of points of each line in the page's charts."""
    return {(name, key, points) for name, key, points in browser.execute_script(LINES)}


def test_its_charts_are_those_of_rate_and_loss(browser, server, swept):
    opened(browser, f"{server}?compareRunsMode=CHART")
    expanded(browser)
    search = "input[placeholder='Search metric charts']"
    wait_for(lambda: browser.find_elements("css selector", search), 30)
    browser.find_element("css selector", search).send_keys("^(lr|loss)$")
    wait_for(lambda: lines_of(finished(swept)) <= drawn(browser), 60)


def test_the_printed_address_of_a_sweep_shows_a_line_for_each_group(browser, server, swept):
    printed = look(server.partition("/#")[0], RunDirectory(swept.directory).sent)
    text = opened(browser, printed)
    wait_for(lambda: "Group: " in text(), 60)
    wait_for(lambda: {key for _, key, _ in drawn(browser)} >= SHOWN, 60)
    page = text()
    assert swept.parent.info.run_name not in page
    groups = {(run.data.tags["schedule"], run.data.params["optimizer.lr"]) for run in finished(swept)}
    for schedule, rate in groups:
        assert f"schedule: {schedule}, optimizer.lr: {rate} (lr)" in page
    charts = [page.index(f"\n{name}\n") for name in ("val/loss", "loss", "lr", "momentum")]
    assert charts == sorted(charts)


def test_the_printed_address_of_a_run_shows_its_charts_first(browser, server, swept, run):
    uri = server.partition("/#")[0]
    done = run(swept.folder, "runner", f"tracking.uri={uri}", "trainer.steps=20", "hydra.run.dir=alone")
    assert done.returncode == 0, done.stderr
    [printed] = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("look")]
    text = opened(browser, printed)
    wait_for(
        lambda: {("loss", 20), ("lr", 20), ("momentum", 20)} <= {line[1:] for line in drawn(browser)}, 60
    )
    assert text().index("\nval/loss\n") < text().index("\nmomentum\n") < text().index("best")


def test_chosen_runs_are_compared_step_by_step(browser, server, swept):
    chosen = finished(swept)
    asked = {
        "runs": [run.info.run_id for run in chosen],
        "experiments": [swept.parent.info.experiment_id],
        "metric": "lr",
        "plot_metric_keys": ["lr", "loss"],
        "x_axis": "step",
    }
    query = "&".join(
        f"{key}={quote(held if key == 'x_axis' else json.dumps(held))}" for key, held in asked.items()
    )
    opened(browser, f"{server.partition('#')[0]}#/metric?{query}")
    wait_for(lambda: lines_of(chosen) <= drawn(browser), 60)


def test_the_sweep_says_what_came_out(browser, server, swept, reported):
    text = opened(browser, f"{server}/{swept.parent.info.run_id}")
    wait_for(lambda: reported[1].answer[0] in text(), 60)


def test_the_report_opens_among_the_artifacts(browser, server, swept, reported):
    opened(browser, f"{server}/{swept.parent.info.run_id}/artifacts/report/report.html")
    wait_for(lambda: browser.find_elements("tag name", "iframe"), 60)
    browser.switch_to.frame(browser.find_element("tag name", "iframe"))
    wait_for(lambda: browser.find_elements("id", "answer"), 30)
    assert reported[1].answer[0] in browser.find_element("id", "answer").text
    browser.switch_to.default_content()


def test_the_report_is_a_file_for_wide_narrow_and_dark_screens(browser, reported):
    folder, findings = reported
    text = opened(browser, (folder / "report.html").as_uri())
    assert findings.answer[0] in text()
    for picture in ("decision", "response", "differences", "curves", "schedules"):
        size = browser.find_element("css selector", f"#{picture} svg").size
        assert size["width"] > 600
        assert size["height"] > 100

    light = browser.execute_script(PAPER)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert browser.execute_script(PAPER) != light

    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    assert browser.execute_script(WIDE) == 0
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert not [entry for entry in browser.get_log("browser") if "report.html" in entry["message"]]
