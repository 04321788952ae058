"""From MLflow to a :class:`Collection`: which sweep is meant, and what its runs say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection as Strings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schedules.names import nearest

from ..errors import ConfigError
from ..record import keys
from ..record.directory import RunDirectory
from .archive import CHILD, EMPTY, Archive, Run, is_id
from .arms import RATES, arms, peak_rate
from .model import Collection, Trained

NEWEST, OLDEST = "attributes.start_time DESC", "attributes.start_time ASC"
PARENT = keys.PARENT
SWEEP = "tags.`sweep.overrides` != ''"
POINTS = 1000  # of a curve that is drawn


def directory_of(which: str | None) -> RunDirectory | None:
    """Return the directory that ``which`` names, if it is one."""
    directory = RunDirectory(Path(which)) if which else None
    return directory if directory is not None and directory.order_file.exists() else None


def find(archive: Archive, experiment: str, which: str | None = None) -> Run:
    """Return the run of a sweep.

    Args:
        archive: where to look.
        experiment: name of the experiment to look in; an id is found in any.
        which: the sweep's id or its beginning, its name (the newest of that name), or its directory; by
            default the sweep that a run was last added to.

    Raises:
        ConfigError: there is no such sweep; the message names the nearest.
    """
    directory = directory_of(which)
    if directory is not None:
        if directory.sent is None:
            raise ConfigError(f"SWEEP must be in MLflow, got {which}; python -m runner sync {which} sends it")
        which = directory.sent.run_id
    found = archive.run(which) if which and is_id(which) and len(which) == 32 else None
    if found is not None:
        return found
    experiments = archive.experiments()
    if experiment not in experiments and archive.was_deleted(experiment):
        raise ConfigError(
            f"the experiment must be one that was not deleted, got {experiment!r}; restore it in MLflow"
        )
    if experiment not in experiments:
        hint = nearest(experiment, list(experiments))
        raise ConfigError(f"no experiment is named {experiment!r} in {archive.uri}; {hint}")
    inside = experiments[experiment]
    if which is None:
        for newest in archive.search(inside, f"{CHILD} != ''", NEWEST, most=1):
            found = archive.run(newest.data.tags[PARENT])
        if found is None:
            raise ConfigError(f"the experiment {experiment!r} in {archive.uri} holds no sweep")
        return found
    return _named(archive, inside, which)


def _named(archive: Archive, experiment_id: str, which: str) -> Run:
    """Return the sweep of a name, or of an id that begins so."""
    sweeps = archive.search(experiment_id, SWEEP, NEWEST)
    for sweep in sweeps:
        if sweep.info.run_name == which:
            return sweep
    fitting = {sweep.info.run_id: sweep for sweep in sweeps if sweep.info.run_id.startswith(which)}
    if is_id(which):
        condition = f"attributes.run_id LIKE '{which}%'"
        fitting |= {run.info.run_id: run for run in archive.search(experiment_id, condition, NEWEST, most=9)}
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        raise ConfigError(f"SWEEP must name one run, got {which!r}, with which {', '.join(fitting)} begin")
    known = [text for sweep in sweeps for text in (sweep.info.run_name, sweep.info.run_id)]
    hint = nearest(which, known) if known else "the experiment holds no sweep"
    raise ConfigError(f"no sweep is named {which!r}; {hint}")


def read(archive: Archive, parent: Run, *further: Run) -> Collection:
    """Return the runs of a sweep, or of several joined, with their evaluations.

    Of the training loss each run has its first step only, and where it did not finish its last;
    :func:`with_curves` reads what is drawn. To read all of it, of all runs, would take many times as long.

    Raises:
        ConfigError: the run is no sweep, or its runs are in training and have said nothing yet.
    """
    info = parent.info
    children = [child for each in (parent, *further) for child in _children(archive, each)]
    ids = [run.info.run_id for run in children]
    val_loss, val_accuracy = (archive.curves(ids, key) for key in (keys.VAL_LOSS, keys.VAL_ACCURACY))
    loss = archive.curves(ids, "loss", points=1, only_step=0)
    unfinished = [run.info.run_id for run in children if run.info.status != "FINISHED"]
    loss |= archive.curves(unfinished, "loss", points=2)
    searched = {
        key
        for each in (parent, *further)
        for key in json.loads(each.data.tags.get(keys.SWEEP_SEARCHED, "[]"))
    }
    labels = arms([_schedule(run) for run in children], [run.data.params for run in children], searched)
    return Collection(
        run_id=info.run_id,
        name=" + ".join(each.info.run_name for each in (parent, *further)),
        uri=archive.uri,
        experiment_id=info.experiment_id,
        started=info.start_time,
        tags=dict(parent.data.tags),
        runs=[
            Trained(
                **_said(run, set(searched) - {*RATES}),
                arm=arm,
                val_loss=val_loss.get(run.info.run_id, EMPTY),
                val_accuracy=val_accuracy.get(run.info.run_id, EMPTY),
                loss=loss.get(run.info.run_id, EMPTY),
                lr=EMPTY,
            )
            for run, arm in zip(children, labels, strict=True)
        ],
        joined=[each.info.run_id for each in further],
    )


def _children(archive: Archive, parent: Run) -> list[Run]:
    """Return a sweep's runs, the first begun first.

    Raises:
        ConfigError: it has none.
    """
    info = parent.info
    children = archive.search(info.experiment_id, f"{CHILD} = '{info.run_id}'", OLDEST)
    if not children and "schedule" in parent.data.tags and PARENT not in parent.data.tags:
        return [parent]  # a run that was trained alone
    if not children:
        above = parent.data.tags.get(PARENT)
        hint = f"it is part of the sweep {above}" if above else "no run is part of it"
        raise ConfigError(f"SWEEP must be a sweep, got {info.run_name!r} ({info.run_id}): {hint}")
    return children


def with_curves(archive: Archive, collection: Collection, chosen: Iterable[str]) -> Collection:
    """Return the sweep with what is drawn: loss, rate and plan of the runs whose ids were chosen."""
    ids = list(chosen)
    loss = archive.curves(ids, "loss", POINTS)
    drawn = {run.run_id: run for run in collection.runs if run.run_id in loss}
    alike = {(run.arm, run.rate): run.run_id for run in reversed(drawn.values())}  # the seed changes no rate
    lr = archive.curves(list(alike.values()), "lr", POINTS)
    plans = {run_id: archive.document(run_id, "plan.json") for run_id in alike.values()}

    def completed(run: Trained) -> Trained:
        if run.run_id not in drawn:
            return run
        like = alike[run.arm, run.rate]
        return dataclasses.replace(run, loss=loss[run.run_id], lr=lr.get(like, EMPTY), plan=plans[like])

    return dataclasses.replace(collection, runs=[completed(run) for run in collection.runs])


def with_examples(archive: Archive, collection: Collection, chosen: Iterable[str]) -> Collection:
    """Return the sweep with the final loss of each validation example, of the runs whose ids were chosen."""
    wanted = set(chosen)

    def completed(run: Trained) -> Trained:
        if run.run_id not in wanted:
            return run
        return dataclasses.replace(run, example_losses=archive.array(run.run_id, keys.FINAL_LOSSES))

    return dataclasses.replace(collection, runs=[completed(run) for run in collection.runs])


def _said(run: Run, searched: Strings[str] = ()) -> dict[str, Any]:
    """Return what a run's own record says of it, without its curves and its arm."""
    info, tags = run.info, run.data.tags
    params = keys.in_force(run.data.params, tags)
    diverged = tags.get(keys.DIVERGED_STEP)
    return {
        "run_id": info.run_id,
        "name": info.run_name,
        "status": info.status,
        "rate": peak_rate(params),
        "seed": int(params.get("seed", 0)),
        "total_steps": int(tags.get(keys.TOTAL_STEPS) or params.get("total_steps", 0)),
        "seconds": (info.end_time - info.start_time) / 1000 if info.end_time else 0.0,
        "diverged_at": int(diverged) if diverged is not None else None,
        "reason": tags.get("reason", ""),
        "stage": tags.get(keys.SWEEP_STAGE, ""),
        "trial": " ".join(f"{key}={params[key]}" for key in sorted(searched) if key in params),
        "params": params,
    }


def _schedule(run: Run) -> str:
    tags, params = run.data.tags, run.data.params
    return tags.get("schedule") or params.get("schedule.lr.name") or "no schedule"
