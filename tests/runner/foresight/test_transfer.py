"""Rules at another scale against their recipes, one's own runs, and what is refused."""

import csv
import json
import math

import numpy as np
import pytest

from runner.errors import ConfigError
from runner.foresight import transfer
from runner.foresight.own import Point, best_rates, estimate
from runner.foresight.rules import Scale, beta, left_of_start, rules


def by_name(scale, adaptive=True, mup=False):
    return {rule.name: rule for rule in rules(scale, adaptive, mup)}


def test_eight_times_the_tokens_gives_what_each_rule_says():
    found = [round(rule.rate, 3) for rule in rules(Scale(steps=8), adaptive=True, mup=False)]
    assert found[:4] == [1.0, 0.771, 0.514, 0.354]
    assert round(by_name(Scale(steps=8))["tokens^0.307"].rate, 3) == 1.893


def test_the_recipe_whose_batch_grows_with_the_tokens():
    found = by_name(Scale(steps=8))["batch by tokens^0.383, rate by its root"]
    assert 524_288 * found.batch == 2**20
    assert found.rate == pytest.approx(1.414214, abs=1e-6)
    assert found.weight_decay == pytest.approx(0.176777, abs=1e-6)


def test_the_recipe_of_batch_over_tokens_has_its_ratio():
    one, other = (
        by_name(Scale(steps=tokens / batch, batch=batch))["sqrt(batch / tokens)"].rate
        for batch, tokens in ((64, 8e9), (32, 1e10))
    )
    assert one / other == pytest.approx(1.001308e-3 / 6.33283e-4, rel=1e-5)


def test_a_larger_batch_moves_the_rate_by_its_root_for_adam_and_in_proportion_for_descent():
    assert by_name(Scale(batch=4))["keep the rate x sqrt(batch)"].rate == 2.0
    assert by_name(Scale(batch=4), adaptive=False)["keep the rate x batch"].rate == 4.0
    assert beta(0.9, 16) == pytest.approx(0.185302, abs=1e-6)


def test_the_weight_decay_keeps_what_is_left_of_the_start():
    decay, steps, rate = 0.1, 1000, 0.1
    for rule in rules(Scale(steps=4), adaptive=True, mup=False):
        if rule.weight_decay is not None and rule.batch is None:
            after = left_of_start(rate * rule.rate, decay * rule.weight_decay, 4 * steps)
            assert math.log(after) == pytest.approx(math.log(left_of_start(rate, decay, steps)), rel=0.01)


def test_hidden_matrices_of_a_wider_model_keep_rate_times_decay():
    plain, wide = (by_name(Scale(steps=2, width=w), mup=True) for w in (1.0, 4.0))
    first, second = plain["keep the rate"], wide["keep the rate / width"]
    assert (second.rate, second.weight_decay) == (first.rate / 4, first.weight_decay * 4)


def bowl(steps, best, rates):
    return [Point(steps, rate, math.log(rate / best) ** 2) for rate in rates]


def test_own_runs_at_two_lengths_are_shrunk_towards_the_prior():
    rates = [0.01 * 2**i for i in range(5)]
    found = estimate(bowl(1000, 0.04, rates) + bowl(4000, 0.02, rates), 16_000)
    assert [best.rate for best in found.by_length] == pytest.approx([0.04, 0.02])
    assert found.exponent == pytest.approx(-0.5)
    middle, length = math.sqrt(0.04 * 0.02), math.sqrt(1000 * 4000)
    assert found.rate == pytest.approx(middle * (16_000 / length) ** -0.125)


@pytest.mark.parametrize(("best", "edge"), [(0.001, "low"), (1.0, "high")])
def test_a_rate_at_the_edge_is_no_best_rate(best, edge):
    (found,) = best_rates(bowl(1000, best, [0.01, 0.02, 0.04]))
    assert (found.rate, found.edge) == (None, edge)
    assert estimate(bowl(1000, best, [0.01, 0.02, 0.04]), 2000).rate is None


@pytest.fixture
def folder(tmp_path):
    """Logs of three peak rates at two lengths; the middle one is best."""
    for steps in (400, 800):
        for rate in (0.01, 0.02, 0.04):
            with (tmp_path / f"{steps}-{rate}.csv").open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["step", "lr", "val_loss"])
                for step in range(0, steps + 1, 10):
                    loss = 3 - step / 1000 + math.log(rate / 0.021) ** 2
                    rows.writerow([step, rate * (1 - step / (steps + 1)), loss])
    return tmp_path


def data_of(capsys, *arguments):
    assert transfer.main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_reads_logs_and_gives_a_grid_around_the_runs_own_rate(folder, capsys):
    found = data_of(capsys, folder, "--steps", "x4")
    assert found["rate"] == 0.02
    assert found["own"]["rate"] == pytest.approx(0.021 * (3200 / math.sqrt(400 * 800)) ** -0.125, rel=0.01)
    assert found["grid"][1] == found["own"]["rate"]
    assert found["spread"] == pytest.approx([0.5, 4**0.307])
    assert found["refused"] == []


def test_the_command_refuses_what_does_not_carry_over(folder, capsys):
    (folder / "800-0.04.csv").unlink()
    found = data_of(capsys, folder, "--width", "x2", "--batch", "x8", "--schedule", "cosine")
    for reason in ("EDGE", "standard parametrization", "critical", "another schedule family"):
        assert any(reason in each for each in found["refused"])


def test_a_rate_at_the_edge_gives_no_grid(folder, capsys):
    for steps in (400, 800):
        (folder / f"{steps}-0.04.csv").unlink()
    found = data_of(capsys, folder, "--steps", "x4")
    assert (found["grid"], found["own"]["rate"]) == ([], None)
    assert transfer.main([str(folder), "--steps", "x4"]) == 0
    assert "No rates to try" in capsys.readouterr().out


def test_the_command_prints_every_rule_with_its_source(folder, capsys):
    assert transfer.main([str(folder), "--steps", "x8"]) == 0
    printed = capsys.readouterr().out
    for part in ("DeepSeek", "Bjorck", "Step Law", "The rules span", "Your own runs", "Try "):
        assert part in printed


@pytest.mark.parametrize("text", ["x0", "fast", "-1", "0", "xx2"])
def test_a_factor_is_checked(text, folder):
    with pytest.raises(ConfigError, match="--steps must be a factor as x4"):
        transfer.main([str(folder), f"--steps={text}"])


def test_a_number_needs_the_runs_own(folder, capsys):
    assert data_of(capsys, folder, "--steps", "1600")["scale"]["steps"] == 2.0
    with pytest.raises(ConfigError, match="the log does not say its own"):
        transfer.main([str(folder), "--batch", "64"])
    assert np.isfinite(data_of(capsys, folder)["grid"]).all()
