"""A sweep's report, from MLflow and back to it: read, judge, draw, write, add to the parent run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from ..words import probability
from . import reader
from .analysis import analyse, judged_runs
from .archive import Archive, Run
from .findings import Findings
from .model import Collection, Question
from .outcomes import steps_to
from .show import cells, page, plots

PLACE = "report"  # of the report among the parent run's artifacts


def report_on(uri: str, parent_run_id: str, out_dir: Path) -> tuple[Collection, Findings]:
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
    collection, findings, files = compare(archive, parent, Question(), out_dir)
    archive.add_files(collection.run_id, files, PLACE)
    archive.describe(collection.run_id, description(collection, findings))
    target = findings.question.target
    if target is not None:
        archive.add_figures(collection.run_id, {"target/val_loss": target})
        for run in collection.runs:
            steps, reached = steps_to(target, run)
            if reached:
                archive.add_figures(run.run_id, {"time_to_target": steps})
    return collection, findings


def collect(archive: Archive, parent: Run, *further: Run) -> Collection:
    """Return the runs of a sweep, or of several joined, with all that :func:`analyse` looks at.

    Raises:
        ConfigError: the run is no sweep, or its runs are in training and have said nothing yet.
    """
    collection = reader.read(archive, parent, *further)
    return reader.with_examples(archive, collection, judged_runs(collection))


def compare(
    archive: Archive, parent: Run, question: Question, folder: Path, further: Sequence[Run] = ()
) -> tuple[Collection, Findings, list[Path]]:
    """Read a sweep, judge it, write its report into a folder; return the files too.

    Args:
        archive: the store.
        parent: the sweep's run, to which the report belongs.
        question: what is asked.
        folder: where the files go.
        further: sweeps whose runs are joined to its own.

    Raises:
        ConfigError: the question cannot be asked of this sweep, or no run of it can be judged.
    """
    collection = collect(archive, parent, *further)
    findings = analyse(collection, question)
    behind = [run.run_id for each in findings.standings for run in plots.chosen(collection, each)]
    collection = reader.with_curves(archive, collection, behind)
    return collection, findings, page.write(collection, findings, folder)


def description(collection: Collection, findings: Findings) -> str:
    """Return the parent run's description [markdown]: what came out, what it was, where the report is."""
    against = f"against {findings.question.baseline}"
    columns = [
        "schedule",
        "peak lr",
        "final val loss",
        cells.confidence(findings),
        against,
        "p",
        "verdict",
    ]
    lines = [f"**{_marked(findings.answer[0])}**" if findings.answer else "", ""]
    lines += [_marked(sentence) for sentence in findings.answer[1:]]
    lines += ["", _row(columns), _row(["---"] * len(columns))]
    for standing in findings.standings:
        found = cells.difference_of(findings, standing.arm)
        figures = [cells.signed(found.delta.mean), probability(found.p), found.verdict] if found else []
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
