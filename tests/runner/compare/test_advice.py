"""What to run next, as commands that Hydra takes."""

import dataclasses
import json
import shlex

import numpy as np
from hydra.core.override_parser.overrides_parser import OverridesParser

from runner.compare.analysis import analyse
from runner.compare.model import Question

from .sweeps import about, ask, losses, sweep

SHIFTS = np.array([0.012, 0.008, 0.015, 0.002, 0.010, 0.011, 0.009, 0.013])
SEEDS = np.array([0.50, 0.61, 0.40, 0.55, 0.70, 0.45, 0.52, 0.66])
LINE = "schedule=constant,cosine optimizer.lr=0.1,0.3,1 seed=0,1,2"


def overrides_of(line):
    """The parsed overrides of the command in a line of advice."""
    words = shlex.split(line[line.index("python -m") :].split("  (")[0])
    assert OverridesParser.create().parse_overrides(words[4:])
    return dict(word.split("=", 1) for word in words[4:])


def test_what_is_open_is_decided_by_fresh_seeds_and_not_by_asking_the_same_runs_again():
    findings = ask(losses({"constant": SEEDS[:4], "cosine": SEEDS[:4] - SHIFTS[:4]}), overrides=LINE)
    told = overrides_of(about(findings.advice, "fresh seeds until it is known", "constant"))
    assert told["hydra.sweeper.until"] == "decided"
    assert told["sweep.resume"] == "p"
    assert (told["optimizer.lr"], told["seed"], told["schedule"]) == ("0.1,0.3,1", "0,1,2", "constant,cosine")
    assert not [line for line in findings.advice if "seeds are needed" in line]


def test_a_settled_question_is_to_be_confirmed_where_the_same_seeds_chose_the_rate():
    table = {"constant": SEEDS, "cosine": SEEDS - SHIFTS}
    worse = {arm: values + 0.5 for arm, values in table.items()}
    runs = [losses(worse, rate=0.1), losses(table, rate=0.3), losses(worse, rate=1.0)]
    [line] = ask(*runs, overrides=LINE).advice
    assert line.startswith("To confirm")
    assert overrides_of(line)["hydra.sweeper.until"] == "decided"


def test_a_command_is_rebuilt_from_the_list_of_overrides_and_drops_fixed_final_seeds():
    given = ["+dataset.name=wine", "~model", "hydra.sweeper.final_seeds=[10,11]", "schedule=constant,cosine"]
    collection = sweep(losses({"constant": SEEDS[:4], "cosine": SEEDS[:4] - SHIFTS[:4]}))
    collection = dataclasses.replace(collection, tags={"arguments": json.dumps(given)})
    line = about(analyse(collection, Question()).advice, "fresh seeds")
    words = shlex.split(line[line.index("python -m") :].split("  (")[0])
    assert words[4:7] == ["+dataset.name=wine", "~model", "schedule=constant,cosine"]
    assert not [word for word in words if "final_seeds" in word]


def test_a_sweep_of_another_programs_launcher_is_not_resumed():
    collection = sweep(losses({"constant": SEEDS[:4], "cosine": SEEDS[:4] - SHIFTS[:4]}))
    given = ["schedule=constant,cosine", "hydra/launcher=slurm"]
    collection = dataclasses.replace(collection, tags={"arguments": json.dumps(given)})
    assert "sweep.resume" not in overrides_of(about(analyse(collection, Question()).advice, "fresh seeds"))


def test_where_the_seeds_of_the_looks_are_spent_nothing_is_asked_again_of_the_same_runs():
    table = {"constant": SEEDS, "cosine": SEEDS + np.tile([0.01, -0.011], 4)}
    collection = sweep(losses(table, stage="final", first_seed=5), overrides=LINE)
    tags = collection.tags | {"sweep.looks": json.dumps({"most": 8, "alpha": 0.05, "first_seed": 5})}
    line = about(analyse(dataclasses.replace(collection, tags=tags), Question()).advice, "spent")
    assert overrides_of(line)["hydra.sweeper.max_seeds"] == "16"
    assert "sweep.resume" not in line


def test_joined_sweeps_get_a_warning_in_place_of_a_command():
    collection = dataclasses.replace(
        sweep(losses({"constant": SEEDS[:4], "cosine": SEEDS[:4]})), joined=["another"]
    )
    findings = analyse(collection, Question())
    assert findings.advice == []
    assert about(findings.anomalies, "joined", "false alarms become more frequent")
