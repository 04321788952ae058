"""The report says the answer first, needs nothing from elsewhere, and holds no name as markup."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from runner.compare.analysis import analyse
from runner.compare.model import Collection, Curve, Question, Trained
from runner.compare.report import description
from runner.compare.show import page, plots, style, tables

NASTY = 'wsd <script>alert("x")</script> a=$b$ --> | *c*'
ARMS = ("constant", "cosine", NASTY)
RATES = (0.1, 0.2, 0.4)
STEPS = np.arange(40.0)


def trained(arm: str, rate: float, seed: int) -> Trained:
    """A run that ends the lower, the later its arm comes; best at 0.2, where only the last has its edge."""
    noise = 0.001 * np.random.default_rng([seed, len(arm)]).normal()
    wrong = 0.1 * abs(np.log2(rate / (0.4 if arm == NASTY else 0.2)))
    final = 0.5 - 0.1 * ARMS.index(arm) + wrong + 0.01 * seed + noise
    diverged = arm == "constant" and rate == 0.4
    return Trained(
        run_id=f"{ARMS.index(arm)}{round(10 * rate)}{seed}".ljust(32, "0"),
        name=f"{arm} lr={rate:g} seed={seed}",
        status="FAILED" if diverged else "FINISHED",
        arm=arm,
        rate=rate,
        seed=seed,
        total_steps=len(STEPS),
        seconds=1.5,
        val_loss=Curve(STEPS[9::10] + 1, np.linspace(1.0, final, 4)),
        val_accuracy=Curve(STEPS[9::10] + 1, np.linspace(0.5, 0.9, 4)),
        loss=Curve(STEPS, np.linspace(2.3, final, len(STEPS))),
        lr=Curve(STEPS, np.full(len(STEPS), rate)),
        diverged_at=39 if diverged else None,
        reason="the loss is not finite at step 39" if diverged else "",
        plan={"lr": {"name": "constant", "peak_value": rate}},
    )


@pytest.fixture(scope="module")
def collection():
    return Collection(
        run_id="f" * 32,
        name="sweep schedule=constant,cosine,<script>",
        uri="http://127.0.0.1:5000",
        experiment_id="1",
        started=0,
        tags={"sweep.overrides": "schedule=<b>", "mlflow.source.git.commit": "abc123"},
        runs=[trained(arm, rate, seed) for arm in ARMS for rate in RATES for seed in range(8)],
    )


@pytest.fixture(scope="module")
def findings(collection):
    return analyse(collection, Question())


@pytest.fixture(scope="module")
def html(collection, findings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    page.write(collection, findings, folder)
    return (folder / "report.html").read_text()


class Elements(HTMLParser):
    """Every element with its attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_names_are_text_and_never_markup(html):
    elements = Elements(html)
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"script", "iframe", "object", "img", "link"}
    assert NASTY in elements.text
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]


def test_it_needs_nothing_from_elsewhere(html):
    for tag, attributes in Elements(html).found:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "action"):
                assert tag == "a" or (value or "").startswith("#"), (tag, name, value)
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", html))
    assert "@import" not in html


def test_runs_are_linked_where_a_server_has_them(html):
    links = {attributes["href"] for tag, attributes in Elements(html).found if tag == "a"}
    assert f"http://127.0.0.1:5000/#/experiments/1/runs/{'02' + '0' * 30}" in links


def test_the_answer_stands_first(html, findings):
    text = Elements(html).text
    assert text.index(findings.answer[0]) < text.index("Standings") < text.index("How sure")
    assert findings.standings[0].arm == NASTY


def test_every_part_is_there(html, findings):
    elements = Elements(html)
    ids = {attributes.get("id") for _, attributes in elements.found}
    assert {"response", "differences", "curves", "schedules", "tuning", "standings", "origin", "runs"} <= ids
    for line in [*findings.anomalies, *findings.advice]:
        assert line in elements.text
    assert "EDGE" in elements.text
    assert "72 runs" in elements.text
    assert "8 diverged" in elements.text


def test_pictures_take_the_colours_of_the_page(html):
    drawn = "".join(re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL))
    assert drawn.count("<svg") == 6
    assert "var(--ink)" in drawn
    assert {"var(--arm-0)", "var(--arm-1)", "var(--arm-2)"} <= set(re.findall(r"var\(--arm-\d\)", drawn))
    assert not re.search(rf"{style.INK}|{style.GRID}|#0072b2|#d55e00", drawn)


def test_pictures_are_files_too(collection, findings, tmp_path):
    written = page.write(collection, findings, tmp_path / "new")
    assert sorted(file.name for file in written) == [
        "curves.png",
        "decision.png",
        "differences.png",
        "findings.json",
        "report.html",
        "response.png",
        "schedules.png",
        "tuning.png",
    ]
    for file in written:
        assert file.suffix != ".png" or file.read_bytes().startswith(b"\x89PNG")


def test_a_single_rate_and_arm_leave_out_what_they_cannot_show(collection):
    few = [run for run in collection.runs if (run.arm, run.rate) == ("cosine", 0.2)]
    alone = dataclasses.replace(collection, runs=few)
    assert set(plots.draw(alone, analyse(alone, Question()))) == {"curves", "schedules"}


def test_json_holds_all_findings_and_only_what_json_can(collection, findings):
    def refuse(name):
        raise AssertionError(name)

    worst = dataclasses.replace(findings.responses[0], means=[float("inf"), float("nan"), 1.0])
    changed = dataclasses.replace(findings, responses=[worst, *findings.responses[1:]])
    held = json.loads(page.to_json(collection, changed), parse_constant=refuse)

    assert held["responses"][0]["means"] == [None, None, 1.0]
    assert held["standings"][0]["arm"] == NASTY
    assert held["standings"][0]["rate"] == 0.4
    assert held["sweep"]["run_id"] == collection.run_id
    assert len(held["runs"]) == 72
    for field in dataclasses.fields(findings):
        assert field.name in held


def test_the_tables_fit_100_columns(collection, findings, capsys):
    tables.show(collection, findings)
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if re.match(r"   schedule |\d  ", line)]
    assert len(rows) == 8
    assert max(map(len, rows)) <= 100
    assert findings.answer[0] in printed


def test_the_description_shows_names_as_they_are(collection, findings):
    text = description(collection, findings)
    assert "<script>" not in text.replace(r"\<script\>", "")
    assert "report/report.html" in text
    head, line, *rows = [each for each in text.splitlines() if each.startswith("|")]
    unescaped = [len(re.findall(r"(?<!\\)\|", row)) for row in (head, line, *rows)]
    assert set(unescaped) == {8}
    assert len(rows) == 3
