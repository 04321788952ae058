"""Predictions beside a report: from curves that follow the law, and never where they must not be."""

import dataclasses
import json

import numpy as np
import pytest

import schedules
from runner.compare.analysis import analyse
from runner.compare.foreseen import foresee
from runner.compare.leave_out import rank_agreement, sentences
from runner.compare.model import Collection, Curve, Question, Trained
from runner.compare.show import page
from schedules.theory import Convex

TOTAL, PEAK = 600, 0.01
NONE = Curve(np.empty(0), np.empty(0))


def trained(name, seed=0, peak=PEAK, **params):
    settings = {} if name == "constant" else {"total_steps": TOTAL}
    schedule = schedules.build(name, peak_value=peak, warmup_steps=20, **settings)
    rates, steps = schedules.values(schedule, TOTAL), np.arange(20, TOTAL + 1, 20)
    area, noise = Convex().columns(rates, steps)
    return Trained(
        run_id=f"{name}-{seed}", name=name, status="FINISHED", arm=name, rate=peak, seed=seed,
        total_steps=TOTAL, seconds=1.0, val_loss=Curve(steps, 2 + area**-0.5 + 3 * noise + seed / 100),
        val_accuracy=NONE, loss=NONE, lr=NONE, params=params, plan={"lr": schedules.to_spec(schedule)},
    )  # fmt: skip


def sweep(*runs):
    return Collection(
        run_id="a", name="a sweep", uri="", experiment_id="0", started=0, tags={}, runs=list(runs)
    )


def foreseen(*runs):
    collection = sweep(*runs)
    return foresee(collection, analyse(collection, Question()))


def test_schedules_that_were_not_run_are_predicted():
    found = foreseen(*(trained(name, seed) for name in ("cosine", "wsd", "constant") for seed in (0, 1)))
    names = [each.name for each in found.predicted]
    assert "linear" in names
    assert not {"cosine", "wsd", "constant"} & set(names)
    truth = trained("linear").val_loss.values[-1] + 0.005  # the mean over the seeds
    linear = next(each for each in found.predicted if each.name == "linear")
    assert abs(linear.loss - truth) < min(linear.half_width, 0.01)


def test_each_schedule_is_predicted_from_the_others():
    found = foreseen(*(trained(name) for name in ("cosine", "wsd", "linear", "constant")))
    assert [each.name for each in found.checked][-1] == "constant"
    assert all(each.predicted == pytest.approx(each.seen, abs=0.01) for each in found.checked)
    assert "each predicted from the others" in sentences(found.checked)[0]
    assert min(each.bound for each in found.checked) == 1.0


def test_data_seen_more_than_once_give_a_reason_and_no_figure():
    found = foreseen(*(trained(name, steps_per_epoch="200") for name in ("cosine", "wsd")))
    assert (found.predicted, found.checked) == ([], [])
    assert "the data were seen 3 times" in found.refused[0]


@pytest.mark.parametrize("names", [("cosine",), ("cosine", "wsd")])
def test_too_little_is_silence(names):
    runs = [trained(name, peak=PEAK * 2**place) for place, name in enumerate(names)]
    assert foreseen(*runs) is None


def test_runs_without_rates_are_silence():
    runs = [dataclasses.replace(trained(name), plan={}) for name in ("cosine", "wsd")]
    assert foreseen(*runs) is None


def test_the_page_sets_predictions_apart(tmp_path):
    collection = sweep(*(trained(name) for name in ("cosine", "wsd", "linear")))
    findings = analyse(collection, Question())
    page.write(collection, findings, tmp_path)
    text = (tmp_path / page.PAGE).read_text()
    assert text.index("Predicted, not measured") > text.index("Standings")
    held = json.loads((tmp_path / page.DATA).read_text())
    assert [each["name"] for each in held["foreseen"]["checked"]]
    assert {each["arm"] for each in held["standings"]} == {"cosine", "wsd", "linear"}


def test_rank_agreement_needs_three():
    assert rank_agreement([1.0, 2.0], [1.0, 2.0]) is None
    assert rank_agreement([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]) == -1.0
