"""Arms of different length are not ranked without a word."""

import json

from .sweeps import ask, losses, sweep, trained


def lengthened(arm, final, seed):
    return trained(arm, final, seed=seed, total_steps=200, run_id=f"long {arm} {seed}")


def test_runs_of_another_length_are_left_out_and_named():
    short = losses({"constant": [0.5, 0.6, 0.55], "cosine": [0.3, 0.35, 0.4]})
    found = ask(*short, lengthened("wsd", 0.01, 0))
    assert [each.arm for each in found.standings] == ["cosine", "constant"]
    [told] = [line for line in found.anomalies if line.startswith("Not compared")]
    assert told.endswith("another length than the 6 runs of 100 steps: wsd lr=0.1 seed=0 (200 steps).")
    assert found.ledger.runs == 7


def test_one_arm_s_longer_run_is_no_seed_of_it():
    found = ask(*losses({"constant": [0.5, 0.6], "cosine": [0.3, 0.4]}), lengthened("cosine", 0.01, 2))
    best = next(each for each in found.standings if each.arm == "cosine")
    assert best.final_loss.count == 2


def test_a_sweep_over_lengths_compares_them_and_says_so():
    from runner.compare.analysis import analyse
    from runner.compare.model import Question

    runs = sweep(
        *losses({"cosine trainer.steps=100": [0.3, 0.4]}), lengthened("cosine trainer.steps=200", 0.2, 0)
    )
    runs.tags["sweep.varied"] = json.dumps(["schedule", "trainer.steps"])
    found = analyse(runs, Question())
    assert len(found.standings) == 2
    assert any(line.startswith("Unequal length: steps of cosine") for line in found.anomalies)
