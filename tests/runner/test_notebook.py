"""The command line from Python: runs and sweeps as objects, mistakes as exceptions, tables as files."""

import ast
import asyncio
import json
import os
from pathlib import Path

import pandas as pd
import pytest
from hydra.core.global_hydra import GlobalHydra

import runner
from runner.notebook.command import folder_of, override
from runner.notebook.export import main as export

ROOT = Path(__file__).parents[2]
SMALL = ("trainer.steps=6", "tracking.patience=30")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made, before = tmp_path_factory.mktemp("notebook"), Path.cwd()
    os.chdir(made)
    yield made
    os.chdir(before)


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("seed", range(3), "seed=0,1,2"),
        ("optimizer.lr", [0.1, 3e-4], "optimizer.lr=0.1,0.0003"),
        ("trainer.epochs", None, "trainer.epochs=null"),
        ("trainer.compile", True, "trainer.compile=true"),
        ("schedule", "cosine", "schedule=cosine"),
        ("note", "a, b", 'note="a, b"'),
    ],
)
def test_a_keyword_is_an_override(key, value, word):
    assert override(key, value) == word


def test_a_folder_that_is_given_is_kept():
    words, directory = folder_of(["hydra.run.dir=mine"], "run")
    assert (words, directory.path) == (["hydra.run.dir=mine"], Path("mine").absolute())
    words, directory = folder_of(["seed=1"], "run")
    assert words == ["seed=1", f"hydra.run.dir={directory.path.relative_to(Path.cwd())}"]


def test_what_is_no_override_or_was_never_run_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(runner.ConfigError, match="an override must be a text such as"):
        runner.run(3)
    with pytest.raises(runner.ConfigError, match="which must be a run's directory, or the id of one"):
        runner.load("nothing")


@pytest.mark.slow
@pytest.mark.soak
def test_runs_and_sweeps_are_objects_and_mistakes_exceptions(folder, run, capsys):
    async def notebook():  # a notebook's cells run in an event loop
        return runner.run("schedule=cosine", *SMALL, seed=1)

    one = asyncio.run(notebook())
    assert not GlobalHydra.instance().is_initialized()
    assert "cosine" in capsys.readouterr().out
    assert (one.state, len(one.curves()), one.params["seed"]) == ("finished", 6, 1)
    assert one.frame()["val/loss"].iloc[-1] == one.figures["final/val_loss"]
    assert one.plot().axes[1].get_ylabel() == "lr"
    assert "final/val_loss" in one._repr_html_()

    with pytest.raises(runner.ConfigError) as raised:
        runner.run("schedule=cosin", quiet=True)
    assert f"error: {raised.value}\n" == run(folder, "runner", "schedule=cosin").stderr
    with pytest.raises(runner.Diverged, match="not finite at step"):
        runner.run("optimizer.lr=1e30", *SMALL, quiet=True)

    many = runner.sweep("schedule=cosine,constant", *SMALL, seed=range(2), quiet=True)
    table = many.frame()
    assert table["schedule"].tolist() == ["cosine", "cosine", "constant", "constant"]
    assert set(table["seed"]) == {0, 1}
    assert len(many.curves()) == 4 * 6
    assert "may each be the best" in many.answer or "best" in many.answer
    assert many.plot() is not None
    assert many.answer.split(".")[0] in many._repr_html_().replace("&#x27;", "'")

    assert isinstance(runner.load(one.id), type(one))
    loaded = runner.load(many.id[:10])
    assert loaded.frame().equals(table)

    for form, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        assert export([many.id, "--to", form, "--out", f"files-{form}"]) == 0
        assert len(read(f"files-{form}/steps.{form}")) == 4 * 6
        assert read(f"files-{form}/runs.{form}")["final_loss"].tolist() == table["final_loss"].tolist()
        assert read(f"files-{form}/evaluations.{form}")["step"].max() == 6


@pytest.mark.slow
@pytest.mark.soak
def test_the_notebook_of_the_docs_runs(tmp_path, monkeypatch, capsys):
    """Its cells are run in order, each last expression shown as a notebook would, without a kernel."""
    monkeypatch.chdir(tmp_path)
    names, shown = {}, {}
    for number, cell in enumerate(json.loads((ROOT / "docs/notebook.ipynb").read_text())["cells"]):
        assert not cell.get("outputs"), "kept without outputs: figures age"
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"cell {number}", "exec"), names)
        if last is not None:
            shown[number] = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
            getattr(shown[number], "_repr_html_", lambda: None)()
    assert "no schedule is named 'cosin'; did you mean 'cosine'?" in capsys.readouterr().out
    assert next(reversed(shown.values())) is True
