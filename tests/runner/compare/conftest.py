"""One real sweep that the tests of a comparison share."""

from pathlib import Path
from types import SimpleNamespace

import pytest

OVERRIDES = ["schedule=cosine,wsd", "optimizer.lr=0.3,1e9", "seed=0,1", "trainer.epochs=2"]


@pytest.fixture(scope="session")
def swept(run, store, tmp_path_factory):
    """Two schedules, two peak rates of which one diverges, two seeds."""
    folder: Path = tmp_path_factory.mktemp("swept")
    done = run(folder, "runner", "-m", *OVERRIDES)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    parent, *children = store(folder).runs()
    [directory] = folder.glob("outputs/*/*-sweep")
    return SimpleNamespace(
        folder=folder,
        uri=f"sqlite:///{folder}/mlflow.db",
        directory=directory,
        parent=parent,
        children=children,
        client=store(folder).client,
        points=store(folder).points,
    )
