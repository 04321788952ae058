"""A sweep's report, from MLflow and back to it: read, judge, draw, write, add to the parent run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from schedules.names import nearest

from ..errors import ConfigError
from . import cells, page, plots, reader
from .analysis import analyse
from .archive import Archive
from .model import Collection, Findings, Question

if TYPE_CHECKING:
    from mlflow.entities import Run

PLACE = "report"  # of the report among the parent run's artifacts


def report_on(uri: str, parent_run_id: str, out_dir: Path) -> Findings:
    """Make a sweep's report when it has ended, and let MLflow show it.

    The report becomes artifacts of the parent run, and its description says what came out. Each run that
    reached the target gets the metric ``time_to_target`` [steps].

    Args:
        uri: the store.
        parent_run_id: the sweep's run.
        out_dir: where the report's files go.

    Raises:
        ConfigError: the store does not answer, or no run of the sweep can be judged.
    """
    archive = Archive(uri)
    parent = archive.run(parent_run_id)
    if parent is None:
        raise ConfigError(f"parent_run_id must be a run in {uri}, got {parent_run_id!r}")
    collection, findings = compare(archive, parent, Question(), out_dir)
    publish(archive, collection, out_dir)
    archive.describe(collection.run_id, description(collection, findings))
    target = findings.question.target
    if target is not None:
        archive.add_figures(collection.run_id, {"target/val_loss": target})
        for run in collection.runs:
            below = run.val_loss.steps[run.val_loss.values <= target]
            if len(below):
                archive.add_figures(run.run_id, {"time_to_target": float(below[0])})
    return findings


def compare(archive: Archive, parent: Run, question: Question, folder: Path) -> tuple[Collection, Findings]:
    """Read a sweep, judge it, and write its report into a folder.

    Raises:
        ConfigError: the baseline is no arm of the sweep, or no run can be judged.
    """
    collection = reader.read(archive, parent)
    arms = list(dict.fromkeys(run.arm for run in collection.runs))
    if question.baseline is not None and question.baseline not in arms:
        raise ConfigError(f"no arm is named {question.baseline!r}; {nearest(question.baseline, arms)}")
    if not any(len(run.val_loss.values) or run.diverged_at is not None for run in collection.runs):
        raise ConfigError(f"no run of {collection.name!r} has been evaluated yet")
    findings = analyse(collection, question)
    behind = [run.run_id for each in findings.standings for run in plots.chosen(collection, each)]
    collection = reader.with_curves(archive, collection, behind)
    page.write(collection, findings, folder)
    return collection, findings


def publish(archive: Archive, collection: Collection, folder: Path) -> None:
    """Add a report's files to the artifacts of the sweep's run."""
    archive.add_files(collection.run_id, folder, PLACE)


def description(collection: Collection, findings: Findings) -> str:
    """Return the parent run's description [markdown]: what came out, what it was, where the report is."""
    against = f"against {findings.question.baseline}"
    columns = [
        "schedule",
        "peak lr",
        "final val loss",
        cells.confidence(findings),
        against,
        "p (Holm)",
        "verdict",
    ]
    lines = [f"**{_marked(findings.answer[0])}**" if findings.answer else "", ""]
    lines += [_marked(sentence) for sentence in findings.answer[1:]]
    lines += ["", _row(columns), _row(["---"] * len(columns))]
    for standing in findings.standings:
        found = cells.difference_of(findings, standing.arm)
        figures = (
            [cells.signed(found.delta.mean), cells.probability(found.p_holm), found.verdict] if found else []
        )
        lines.append(
            _row(
                [
                    standing.arm,
                    f"{cells.rate(standing.rate)} {cells.edge(findings, standing)}".strip(),
                    cells.number(standing.final_loss.mean),
                    cells.span(standing.final_loss),
                    *(figures or ["", "", "baseline"]),
                ]
            )
        )
    lines += ["", f"{cells.cost(findings)}."]
    lines += [f"- {_marked(line)}" for line in findings.anomalies]
    lines += [
        "",
        f"Pictures and the whole of it: artifact `{PLACE}/{page.PAGE}`; `{PLACE}/{page.DATA}` for programs.",
    ]
    lines += ["", f"Sweep: `{collection.tags.get('sweep.overrides', collection.name)}`"]
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell if cell == '---' else _marked(cell) for cell in cells)} |"


def _marked(text: str) -> str:
    """Return a text that markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", text)
