"""The report on runs that were trained elsewhere."""

import json
import re

import pytest

from runner.compare import command
from runner.errors import ConfigError

ENDS = {"cosine": 2.0, "linear": 2.1, "constant": 2.5}


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """Seven seeds of three schedules; the seed shifts all alike."""
    monkeypatch.chdir(tmp_path)
    for seed in range(7):
        for name, end in ENDS.items():
            rows = [
                f"{step},{0.1 - step / 2000},{end + 1 - step / 100 + seed / 10}" for step in range(0, 101, 5)
            ]
            (tmp_path / f"{name}-s{seed}.csv").write_text("step,lr,val_loss\n" + "\n".join(rows))
    return tmp_path


def findings(*arguments):
    assert command.main(["--logs", *map(str, arguments)]) == 0
    with open("outputs/compare/logs/findings.json") as file:
        return json.load(file)


def test_logs_with_seeds_are_compared_as_a_sweep_is(logs, capsys):
    found = findings(logs, r"--seed=-s(\d+)")
    assert [each["arm"] for each in found["standings"]] == ["cosine", "linear", "constant"]
    assert {each["arm"]: each["verdict"] for each in found["differences"]} == {
        "cosine": "better",
        "linear": "better",
    }
    assert all(each["p"] == pytest.approx(2 / 2**7) for each in found["differences"])
    assert found["standings"][0]["rate"] == 0.1
    assert "report  outputs/compare/logs/report.html" in capsys.readouterr().out


def test_logs_without_seeds_have_no_p_value_and_say_so(logs, capsys):
    found = findings(logs / "cosine-s0.csv", logs / "linear-s0.csv")
    assert [each["arm"] for each in found["standings"]] == ["cosine-s0", "linear-s0"]
    assert [each["p"] for each in found["differences"]] == [None]
    printed = capsys.readouterr().out
    assert "The logs name no seed, so no p-value is given" in printed
    assert " none" in printed
    assert "of training" not in printed


def test_a_group_names_the_schedule(logs, capsys):
    found = findings(logs, "--seed", r"\d", "--group", "^(cos|lin|const)")
    assert [each["arm"] for each in found["standings"]] == ["cos", "lin", "const"]
    assert [each["final_loss"]["count"] for each in found["standings"]] == [7, 7, 7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "("], "seed must be a regular expression"),
        (
            ["--group", "cosine|linear"],
            "group must be a pattern that every log's name has, got 'cosine|linear', not in",
        ),
        (["--seed", "cos|lin|const"], "seed must be a pattern that finds a number"),
        (["--loss", "nothing"], "has no figure 'nothing'"),
    ],
)
def test_patterns_are_checked(logs, arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        command.main(["--logs", str(logs), *arguments])


def test_options_of_logs_need_logs():
    with pytest.raises(ConfigError, match="--group is of --logs"):
        command.main(["--group", "x"])
    with pytest.raises(ConfigError, match="a SWEEP or --logs, not both"):
        command.main(["sweep", "--logs", "x"])
