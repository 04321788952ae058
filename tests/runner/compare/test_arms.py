"""What competes is the schedule and what else was varied, told once."""

import pytest

from runner.compare.arms import arms, peak_rate

MLP = {"model.name": "mlp", "model.hidden": "[8]", "parameters": "100"}
CNN = {"model.name": "cnn", "model.channels": "[4]", "parameters": "200"}


def test_peak_rate_and_seed_do_not_compete():
    rows = [
        {"peak_lr": rate, "optimizer.lr": rate, "schedule.lr.peak_value": rate, "seed": seed}
        for rate in ("0.1", "0.2")
        for seed in ("0", "1")
    ]
    assert arms(["cosine"] * 4, rows) == ["cosine"] * 4


def test_a_schedule_stands_for_its_own_settings():
    rows = [{"schedule.lr.name": "wsd", "schedule.lr.decay_steps": "20%"}, {"schedule.lr.name": "step"}]
    assert arms(["wsd", "step"], rows) == ["wsd", "step"]


def test_a_setting_of_the_schedule_that_was_varied_is_told():
    rows = [{"schedule.lr.decay_steps": part} for part in ("10%", "20%")]
    assert arms(["wsd", "wsd"], rows) == [
        "wsd schedule.lr.decay_steps=10%",
        "wsd schedule.lr.decay_steps=20%",
    ]


def test_a_model_stands_for_its_settings():
    assert arms(["step", "step"], [MLP, CNN]) == ["step model=mlp", "step model=cnn"]


def test_a_model_that_changes_with_the_schedule_is_not_hidden():
    assert arms(["step", "wsd"], [MLP, CNN]) == ["step model=mlp", "wsd model=cnn"]


@pytest.mark.parametrize(
    ("params", "rate"),
    [
        ({"schedule.lr.peak_value": "0.2", "optimizer.lr": "0.3"}, 0.2),
        ({"schedule.lr.peak_value": "10%", "optimizer.lr": "0.3"}, 0.3),
        ({"schedule.lr": "0.4", "optimizer.lr": "0.3"}, 0.4),
        ({"optimizer.name": "prodigy"}, None),
    ],
)
def test_the_rate_is_that_of_the_run_name(params, rate):
    assert peak_rate(params) == rate


def test_what_a_search_chose_makes_no_arm():
    params = [{"optimizer.weight_decay": decay, "model.name": "mlp"} for decay in ("0.1", "0.2")]
    assert len(set(arms(["cosine", "cosine"], params))) == 2
    assert set(arms(["cosine", "cosine"], params, {"optimizer.weight_decay"})) == {"cosine"}


def test_a_split_that_follows_the_seed_makes_no_arm():
    params = [{"seed": str(seed), "dataset.split_seed": str(seed)} for seed in (0, 1, 0, 1)]
    assert arms(["step", "step", "wsd", "wsd"], params) == ["step", "step", "wsd", "wsd"]


def test_a_split_that_was_varied_beside_the_seed_makes_one():
    params = [{"seed": seed, "dataset.split_seed": split} for seed in "01" for split in "01"]
    assert len(set(arms(["step"] * 4, params))) == 2
