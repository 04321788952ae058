"""What tests share: the real command, run in a folder of the test's own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from .warm import Finished, Warm

ROOT = Path(__file__).parent.parent

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

# A shell that starts the tests in the background has them ignore these, and so would all they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def environment() -> dict[str, str]:
    """This process's environment, without what would change where runs go or what is printed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "HYDRA_"))}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "160", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def copy_repository() -> Callable[[Path], Path]:
    """Copy the repository's own files, as git knows them, into a folder."""

    def copied(folder: Path) -> Path:
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in done.stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        return folder

    return copied


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start ``python -m <arguments>`` in a folder."""

    def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture(scope="session")
def run_cold(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Finished]:
    """Run ``python -m <arguments>`` in a folder to its end, in a process that imports everything itself."""

    def finish(folder: Path, *arguments: str) -> Finished:
        process = start(folder, *arguments)
        out, err = process.communicate(timeout=240)
        return Finished(process.args, process.returncode, out, err)

    return finish


@pytest.fixture(scope="session")
def run(run_cold: Callable[..., Finished]) -> Iterator[Callable[..., Finished]]:
    """Run ``python -m <arguments>`` in a folder to its end; the runner is forked from a warm process.

    It has the variables that are named, beside those of the tests.
    """
    warm = Warm()

    def finish(folder: Path, *arguments: str, **variables: str) -> Finished:
        if arguments[0] != "runner":
            return run_cold(folder, *arguments)
        known = environment() | variables
        return warm.run(folder, arguments[0], list(arguments[1:]), known, timeout=240)

    yield finish
    warm.close()


class LocalStore:
    """The MLflow store that a command left in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exists = (folder / "mlflow.db").exists()
        if self.exists:
            self.client = MlflowClient(f"sqlite:///{folder}/mlflow.db")

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        if not self.exists:
            return []
        experiments = [e.experiment_id for e in self.client.search_experiments()]
        return list(self.client.search_runs(experiments, order_by=["attributes.start_time ASC"]))

    def points(self, run: Run, key: str) -> list[tuple[int, float]]:
        """Every stored point of a metric, as (step, value) in order of steps."""
        history: list[Any] = self.client.get_metric_history(run.info.run_id, key)
        return sorted((point.step, point.value) for point in history)


@pytest.fixture(scope="session")
def store() -> type[LocalStore]:
    """The class that opens the store in a folder."""
    return LocalStore


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium without a window."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if BROWSER is None or DRIVER is None:
        pytest.skip("no browser: chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--window-size=1700,1300", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    if os.getuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium has none for root
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield started
    started.quit()
