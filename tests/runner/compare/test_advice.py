"""What to run next, as commands that Hydra takes."""

import shlex

import numpy as np
from hydra.core.override_parser.overrides_parser import OverridesParser

from .sweeps import about, ask, losses

SHIFTS = np.array([0.012, 0.008, 0.015, 0.002, 0.010, 0.011, 0.009, 0.013])
SEEDS = np.array([0.50, 0.61, 0.40, 0.55, 0.70, 0.45, 0.52, 0.66])


def test_too_few_seeds_for_any_claim_are_said_with_how_many_would_do():
    table = {"constant": SEEDS[:5], "cosine": SEEDS[:5] - SHIFTS[:5], "wsd": SEEDS[:5] - 2 * SHIFTS[:5]}
    findings = ask(losses(table), overrides="schedule=constant,cosine,wsd seed=range(0,5) model=cnn")
    assert about(findings.answer, "5 paired seeds", "however large", "7 seeds could")
    assert not [line for line in findings.answer if "beyond chance" in line]
    line = about(findings.advice, "7 seeds are needed")
    assert (
        "python -m runner -m schedule=constant,wsd,cosine optimizer.lr=0.1 'seed=range(5,12)' model=cnn"
        in line
    )
    assert "(21 runs, about 42 s of training)" in line


def test_advised_overrides_are_what_hydra_takes():
    findings = ask(
        losses({"constant": [0.5] * 3, "cosine": [0.4, 0.41, 0.42]}), overrides="schedule=constant,cosine"
    )
    line = about(findings.advice, "are needed").split(": ", 1)[1].split("  (")[0]
    parsed = OverridesParser.create().parse_overrides(shlex.split(line)[4:])
    swept = {
        o.get_key_element(): list(o.sweep_string_iterator()) if o.is_sweep_override() else [o.value()]
        for o in parsed
    }
    assert swept["schedule"] == ["constant", "cosine"]
    assert swept["seed"] == [str(s) for s in range(3, 9)]


def test_arms_with_more_than_a_schedule_keep_their_overrides_in_the_advice():
    arms = {"constant model=cnn": [0.5, 0.52], "cosine model=cnn": [0.4, 0.45]}
    [line] = [a for a in ask(losses(arms)).advice if "needed" in a]
    assert "schedule=constant,cosine model=cnn optimizer.lr=0.1 'seed=range(2,8)'" in line


def test_a_difference_that_is_hopeless_to_settle_is_said_to_be():
    noise = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -0.99]) * 0.1
    findings = ask(losses({"constant": SEEDS[:6], "cosine": SEEDS[:6] + noise}))
    assert findings.differences[0].seeds_needed is None
    assert about(findings.advice, "more than 1000 seeds", "not be worth it")


def test_rivals_of_the_best_come_after_the_baseline_is_beaten():
    wobble = np.array([0.012, -0.004] * 4)
    apart = {"constant": SEEDS, "cosine": SEEDS - 10 * SHIFTS, "wsd": SEEDS - 10 * SHIFTS - wobble}
    lines = ask(losses(apart)).advice
    assert about(lines, "To tell cosine from wsd", "schedule=wsd,cosine ")
    assert not [line for line in lines if "from constant" in line]
    few = ask(losses({arm: values[:4] for arm, values in apart.items()})).advice
    assert about(few, "To tell wsd and cosine from constant")
    assert not [line for line in few if "from wsd" in line]


def test_a_settled_question_is_to_be_confirmed_where_the_same_seeds_chose_the_rate():
    table = {"constant": SEEDS, "cosine": SEEDS - SHIFTS}
    worse = {arm: values + 0.5 for arm, values in table.items()}
    runs = [losses(worse, rate=0.1), losses(table, rate=0.3), losses(worse, rate=1.0)]
    [line] = ask(*runs).advice
    assert line.startswith("To confirm")
    assert "optimizer.lr=0.3 'seed=range(8,16)'" in line


def test_a_search_of_more_than_the_rate_gets_no_command_that_would_search_again():
    line = "schedule=constant,cosine optimizer.lr=interval(0.1,1) optimizer.momentum=interval(0,0.9) seed=0,1"
    findings = ask(losses({"constant": [0.5, 0.6], "cosine": [0.4, 0.65]}), overrides=line)
    [said] = findings.advice
    assert "values of optimizer.momentum of its own" in said
    assert "sweep.resume=p" in said
    assert "hydra.sweeper.final_seeds=[2,3,4,5,6,7]" in said
