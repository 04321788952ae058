"""What competes in a sweep, from what its runs logged: schedules, and what else was varied."""

from __future__ import annotations

from collections.abc import Collection

from ..settings.config import GROUPS
from ..settings.purposes import purpose_of

Params = dict[str, str]
RATES = ("peak_lr", "schedule.lr.peak_value", "schedule.lr", "optimizer.lr")
"""Where a run's peak rate stands; the first that is a number counts, as in the run's name."""

_NO_ARM = {
    *RATES,
    "seed",
    "total_steps",  # follow from the others
    "steps_per_epoch",
    "parameters",
}


def peak_rate(params: Params) -> float | None:
    """Return the peak rate of a run; ``None`` where it has none."""
    for key in RATES:
        try:
            return float(params[key])
        except (KeyError, ValueError):
            continue
    return None


def arms(names: list[str], params: list[Params], searched: Collection[str] = ()) -> list[str]:
    """Return each run's arm: its schedule's name, and what varies beside peak rate and seed.

    A parameter that follows from those told already is not told: ``model=cnn`` stands for all the
    settings of that model, and a schedule's name for those of its settings that no run changes.

    Args:
        names: name of each run's schedule.
        params: parameters of each run.
        searched: settings that a search chose values of: they are tuned for each arm, and make none.

    >>> arms(["cosine", "wsd"], [{"model.name": "mlp", "seed": "0"}, {"model.name": "mlp", "seed": "1"}])
    ['cosine', 'wsd']
    >>> arms(["cosine", "cosine"], [{"model.name": "mlp"}, {"model.name": "cnn", "model.channels": "8"}])
    ['cosine model=mlp', 'cosine model=cnn']
    """
    keys = {key for row in params for key in row if purpose_of(key).decides} - _NO_ARM - set(searched)
    keys -= {key for key in keys if _follows_the_seed(key, params)}
    told: list[str] = []
    for key in sorted(keys, key=lambda key: (not key.endswith(".name"), key)):
        follows: dict[tuple[str | None, ...], str | None] = {}
        for name, row in zip(names, params, strict=True):
            known = (name if key.startswith("schedule.") else "", *(row.get(other) for other in told))
            if follows.setdefault(known, row.get(key)) != row.get(key):
                told.append(key)
                break
    return [
        " ".join([name, *(f"{_short(key)}={row[key]}" for key in told if key in row)])
        for name, row in zip(names, params, strict=True)
    ]


def _follows_the_seed(key: str, params: list[Params]) -> bool:
    """Whether a parameter has the seed's value in every run, as with ``dataset.split_seed=${seed}``."""
    return len({row.get("seed") for row in params}) > 1 and all(
        "seed" in row and row.get(key) == row["seed"] for row in params
    )


def _short(key: str) -> str:
    group = key.removesuffix(".name")
    return group if group in GROUPS else key
