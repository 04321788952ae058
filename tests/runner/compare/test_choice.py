"""Which peak rate an arm stands at, and which runs are reported."""

import pytest

from .sweeps import about, ask, by_arm, losses, trained


def test_each_arm_stands_at_the_rate_with_the_lowest_mean():
    findings = ask(
        losses({"cosine": [0.5, 0.6], "wsd": [0.3, 0.3]}, rate=0.1),
        losses({"cosine": [0.2, 0.3], "wsd": [0.5, 0.5]}, rate=0.3),
        losses({"cosine": [0.4, 0.4], "wsd": [0.6, 0.6]}, rate=1.0),
    )
    response = by_arm(findings.responses)["cosine"]
    assert (response.rates, response.best_rate, response.edge) == ([0.1, 0.3, 1.0], 0.3, "")
    assert response.means == pytest.approx([0.55, 0.25, 0.4])
    assert (response.lows, response.highs) == ([0.5, 0.2, 0.4], [0.6, 0.3, 0.4])
    assert 0.3 < response.vertex < 1.0
    assert response.sensitivity == pytest.approx((0.30 + 0.0 + 0.15) / 3)
    assert findings.tuning["cosine"] == pytest.approx([0.4, 0.3, 0.25])
    assert [(s.arm, s.rate) for s in findings.standings] == [("cosine", 0.3), ("wsd", 0.1)]
    assert by_arm(findings.responses)["wsd"].edge == "low"
    assert by_arm(findings.responses)["wsd"].vertex is None


@pytest.mark.parametrize(("order", "edge"), [((1, 2, 3), "low"), ((3, 2, 1), "high")])
def test_a_best_rate_at_the_end_is_an_edge_with_advice_to_go_on_outward(order, edge):
    runs = [losses({"cosine": [x, x]}, rate=r) for x, r in zip(order, (0.1, 0.3, 0.9), strict=True)]
    findings = ask(*runs, overrides="schedule=cosine optimizer.lr=0.1,0.3,0.9 seed=0,1 trainer.epochs=5")
    assert findings.responses[0].edge == edge
    assert "EDGE" in about(findings.anomalies, "cosine", "best peak rate")
    line = about(findings.advice, "outward")
    assert "optimizer.lr=0.1,0.3,0.9 seed=0,1 trainer.epochs=5 hydra.sweeper.extend=2 sweep.resume=p" in line
    assert "(at most 4 runs" in line
    assert "the end of those tried" in about(findings.answer, "against")


def test_one_rate_is_no_edge_but_other_rates_are_advised():
    findings = ask(losses({"cosine": [0.2, 0.3], "wsd": [0.3, 0.5]}))
    assert [r.edge for r in findings.responses] == ["", ""]
    assert not [a for a in findings.anomalies if "EDGE" in a]
    assert "optimizer.lr=0.0333,0.1,0.3 sweep.resume=p" in about(findings.advice, "one peak rate")
    assert "every schedule ran at one peak rate only" in " ".join(findings.answer)


def test_arms_without_a_rate_are_compared_and_have_no_response():
    findings = ask(
        [trained(arm, x, rate=None, seed=s) for arm, x in (("a", 0.2), ("b", 0.3)) for s in (0, 1)]
    )
    assert (findings.responses, findings.tuning) == ([], {})
    assert [s.rate for s in findings.standings] == [None, None]


def test_final_runs_on_fresh_seeds_are_reported_and_tuning_runs_choose():
    findings = ask(
        losses({"cosine": [0.20, 0.22], "wsd": [0.4, 0.4]}, rate=0.1, stage="tune"),
        losses({"cosine": [0.50, 0.50], "wsd": [0.3, 0.3]}, rate=0.3, stage="tune"),
        losses({"cosine": [0.25, 0.27, 0.29]}, rate=0.1, stage="final", first_seed=2),
        losses({"wsd": [0.35, 0.38, 0.36]}, rate=0.3, stage="final", first_seed=2),
    )
    cosine = by_arm(findings.standings)["cosine"]
    assert (cosine.rate, cosine.fresh, cosine.runs) == (0.1, True, 7)
    assert (cosine.final_loss.count, cosine.final_loss.mean) == (3, pytest.approx(0.27))
    assert by_arm(findings.responses)["cosine"].means == pytest.approx([0.21, 0.5])
    assert findings.differences[0].delta.count == 3
    assert not [a for a in findings.anomalies if "flatters" in a]


def test_the_same_seeds_for_choice_and_report_are_said():
    runs = [losses({"cosine": [0.2, 0.3], "wsd": [0.3, 0.5]}, rate=r) for r in (0.1, 0.3)]
    findings = ask(*runs)
    assert not any(s.fresh for s in findings.standings)
    assert "every schedule" in about(findings.anomalies, "flatters")
    assert "chosen on the same seeds" in about(findings.answer, "against")


def test_final_runs_on_the_seeds_of_the_choice_are_not_fresh():
    runs = [losses({"cosine": [0.2, 0.3]}, rate=r, stage="tune") for r in (0.1, 0.3)]
    findings = ask(*runs, losses({"cosine": [0.2, 0.3, 0.2]}, rate=0.1, stage="final"))
    assert not findings.standings[0].fresh


def test_final_runs_at_another_rate_are_reported_and_said():
    findings = ask(
        losses({"cosine": [0.2]}, rate=0.1, stage="tune"),
        losses({"cosine": [0.3]}, rate=0.3, stage="tune"),
        losses({"cosine": [0.4]}, rate=0.3, stage="final", first_seed=5),
    )
    assert (findings.standings[0].rate, findings.standings[0].final_loss.mean) == (0.3, 0.4)
    assert "lr=0.3" in about(findings.anomalies, "lowest at lr=0.1")


def test_a_rate_whose_hard_seed_was_pruned_is_not_the_best():
    findings = ask(
        losses({"cosine": [0.5, 0.9]}, rate=0.1, stage="tune"),
        losses({"cosine": [0.6]}, rate=0.3, stage="tune"),
    )
    assert [s.rate for s in findings.standings] == [0.1]


def test_a_search_is_judged_at_each_arms_best_trial_never_at_the_mean_of_trials():
    def runs(arm, **by_momentum):
        return [
            trained(
                arm, x + 0.01 * seed, seed=seed, trial=f"optimizer.momentum={m}", run_id=f"{arm}{m}{seed}"
            )
            for m, x in by_momentum.items()
            for seed in (0, 1)
        ]

    findings = ask(runs("constant", a=0.25, b=0.6, c=0.5), runs("cosine", a=0.23, b=2.0, c=1.6))
    assert [(s.arm, s.trial) for s in findings.standings] == [
        ("cosine", "optimizer.momentum=a"),
        ("constant", "optimizer.momentum=a"),
    ]
    assert findings.standings[0].final_loss.mean == pytest.approx(0.235)
    assert not any(s.fresh for s in findings.standings)
    assert "optimizer.momentum=a" in findings.answer[0]


def test_a_cliff_on_one_side_does_not_pull_the_best_rate_towards_it():
    runs = [losses({"a": [x, x]}, rate=r) for x, r in ((0.119, 0.1), (0.112, 0.3), (2.01, 1.0))]
    assert ask(*runs).responses[0].vertex is None
