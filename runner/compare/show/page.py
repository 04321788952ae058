"""The report: one HTML file that needs nothing else, and the same as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedules.show.plot import COLOURS

from ... import words
from ...record import keys
from ..findings import Findings
from ..foreseen import Foreseen, foresee
from ..model import Collection
from . import cells, plots
from .style import looks, save, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE, DATA = "report.html", "findings.json"
DARK = ("#3d94d6", "#ee7f35", "#22c193", "#dd96bd", "#efb02e", "#93d3f7", "#b8b8b8")
"""The arms' colours on a dark page, in the order of ``COLOURS``."""

_COMMANDS = re.compile(r"(python -m runner .*?)(?=  \(|$)")  # in a sentence of advice: to be copied


def write(collection: Collection, findings: Findings, folder: Path) -> list[Path]:
    """Write the report into a folder: HTML, JSON and a PNG for each picture; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = plots.draw(collection, findings)
    foreseen = foresee(collection, findings)
    pictures = [folder / f"{name}.png" for name in drawn]
    for file, figure in zip(pictures, drawn.values(), strict=True):
        save(figure, file)
    (folder / PAGE).write_text(html(collection, findings, drawn, foreseen), encoding="utf-8")
    (folder / DATA).write_text(to_json(collection, findings, foreseen), encoding="utf-8")
    return [folder / PAGE, folder / DATA, *pictures]


def html(
    collection: Collection, findings: Findings, drawn: dict[str, Figure], foreseen: Foreseen | None = None
) -> str:
    """Return the page. Every text is escaped, since names may hold any character; scripts there are none."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    surroundings = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    order = list(looks(collection))

    def style(arm: str) -> dict[str, int]:
        return {"index": order.index(arm) % len(COLOURS)}

    def rates_tried(arm: str) -> str:
        response = cells.response_of(findings, arm)
        return f"of {len(response.rates)} tried" if response is not None else ""

    return surroundings.get_template("report.html.j2").render(
        sweep=collection,
        findings=findings,
        foreseen=foreseen,
        best=findings.standings[0],
        is_found=findings.decision is not None and len(findings.decision.members) < len(findings.standings),
        cells=cells,
        words=words,
        level=cells.confidence(findings),
        style=style,
        rates_tried=rates_tried,
        commands=_COMMANDS.split,
        colours=COLOURS,
        dark_colours=DARK,
        pictures={name: Markup(svg(figure)) for name, figure in drawn.items()},
        plans=_plans(collection, findings),
        origin=_origin(collection),
        link=_link(collection),
    )


def to_json(collection: Collection, findings: Findings, foreseen: Foreseen | None = None) -> str:
    """Return the findings, the sweep and its runs as JSON; what is not finite is ``null``."""
    runs = [
        {
            **{key: getattr(run, key) for key in _TOLD},
            "final_val_loss": float(run.val_loss.values[-1]) if len(run.val_loss.values) else None,
        }
        for run in collection.runs
    ]
    sweep = {
        key: getattr(collection, key) for key in ("run_id", "name", "uri", "experiment_id", "started", "tags")
    }
    held = {"sweep": sweep, **dataclasses.asdict(findings), "runs": runs}
    held["foreseen"] = dataclasses.asdict(foreseen) if foreseen is not None else None
    return json.dumps(_finite(held), indent=1, allow_nan=False)


_TOLD = (
    "run_id",
    "name",
    "status",
    "arm",
    "rate",
    "seed",
    "stage",
    "total_steps",
    "seconds",
    "diverged_at",
    "reason",
)


def _finite(held: Any) -> Any:
    if isinstance(held, dict):
        return {key: _finite(value) for key, value in held.items()}
    if isinstance(held, (list, tuple)):
        return [_finite(value) for value in held]
    return None if isinstance(held, float) and not math.isfinite(held) else held


def _plans(collection: Collection, findings: Findings) -> dict[str, str]:
    """Return each arm's plan at its best rate, as the store has it."""
    found = {}
    for standing in findings.standings:
        plan = next((run.plan for run in plots.chosen(collection, standing) if run.plan), None)
        if plan is not None:
            found[standing.arm] = "; ".join(f"{name}: {_one_line(spec)}" for name, spec in plan.items())
    return found


def _one_line(spec: Any) -> str:
    """Return a schedule's spec in one line: its name, then its fields."""
    if not isinstance(spec, dict):
        return json.dumps(spec)
    fields = (
        f"{key}={_one_line(value)}" for key, value in spec.items() if key != "name" and value is not None
    )
    return f"{spec.get('name', '')}({', '.join(fields)})"


def _origin(collection: Collection) -> dict[str, str]:
    """Return where the sweep comes from: for somebody who wants to do it again."""
    tags = collection.tags
    commit = tags.get(keys.COMMIT, "")
    changed = " with uncommitted changes" if tags.get(keys.DIRTY) == "true" else ""
    told = {
        "command": tags.get(keys.COMMAND, ""),
        "commit": f"{commit}{changed}" if commit else "",
        "version": tags.get("version", ""),
        "machine": ", ".join(filter(None, [tags.get("host", ""), tags.get("hardware", "")])),
        "sweep": collection.run_id,
        "store": collection.uri,
    }
    return {label: text for label, text in told.items() if text}


def _link(collection: Collection) -> str:
    """Return where a server shows the runs; empty for a store without one."""
    if not collection.uri.startswith(("http://", "https://")):
        return ""
    return f"{collection.uri.rstrip('/')}/#/experiments/{collection.experiment_id}/runs"
