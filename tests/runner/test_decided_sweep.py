"""A sweep that adds seeds until it knows, stopped and gone on with; and one joined to another."""

import json

import pytest

COMMAND = [
    "runner", "-m", "optimizer.momentum=0,0.95", "schedule=constant", "optimizer.lr=0.03", "trainer.steps=30",
    "hydra.sweep.dir=sweep", "hydra.sweeper.until=decided", "hydra.sweeper.max_seeds=8",
]  # fmt: skip


def trained(store, folder):
    _, *children = store(folder).runs()
    return sorted((r.data.params["optimizer.momentum"], int(r.data.params["seed"])) for r in children)


@pytest.mark.slow
def test_seeds_are_added_until_one_is_the_best(run, store, tmp_path):
    done = run(tmp_path, *COMMAND)
    assert done.returncode == 0, done.stderr
    assert "open: 0 and 0.95; up to 6 fresh seeds each, of at most 8" in done.stderr
    parent, *_ = store(tmp_path).runs()
    looks = json.loads(parent.data.tags["sweep.looks"])
    assert (looks["most"], looks["first_seed"]) == (8, 1)
    seeds = {seed for _, seed in trained(store, tmp_path)}
    assert seeds in (set(range(1, 7)), set(range(1, 9)))  # none of those that came before
    held = json.loads((tmp_path / "sweep/report/findings.json").read_text())
    assert held["decision"]["members"] == ["constant optimizer.momentum=0.95"]
    assert held["decision"]["over"] == "one"
    assert held["answer"][0] in done.stdout
    assert "the other is worse (95 %)" in held["answer"][0]
    assert "ranked by" not in done.stdout  # nothing stands above the answer

    again = run(tmp_path, *COMMAND, "sweep.resume=sweep")
    assert again.returncode == 0, again.stderr
    assert {seed for _, seed in trained(store, tmp_path)} == seeds
    more = run(tmp_path, *COMMAND, "sweep.resume=sweep", "hydra.sweeper.max_seeds=20")
    assert more.returncode == 2
    assert "hydra.sweeper.max_seeds must stay 8" in more.stderr

    fixed = ["runner", "-m", "optimizer.momentum=0.5", "schedule=constant", "optimizer.lr=0.03"]
    assert run(tmp_path, *fixed, "trainer.steps=30", "seed=range(1,7)").returncode == 0
    name = "sweep optimizer.momentum=0.5 schedule=constant optimizer.lr=0.03 trainer.steps=30 seed=range(1,7)"
    joined = run(tmp_path, "runner", "compare", "sweep", name, "--out", "joined")
    assert joined.returncode == 0, joined.stderr
    held = json.loads((tmp_path / "joined/findings.json").read_text())
    assert len({standing["arm"] for standing in held["standings"]}) == 3
    assert any("joined" in line for line in held["anomalies"])
