"""What a study is made of: schedules, workloads, and what is claimed of them; read from a TOML file."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from schedules.names import nearest

from ..errors import ConfigError, reason_of
from ..record.files import write_atomically
from ..settings.overrides import given
from ..sweep.conf import FairSweeperConf

LAPTOP = Path(__file__).with_name("laptop.toml")
"""The study that is made by default."""

KEPT = "study.json"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A model, its data and its budget.

    Attributes:
        name: the name of its sweep's folder.
        about: what it is, for people.
        overrides: of the command line that trains it.
        rates: peak rates from which each schedule's is chosen, for this workload alone.
        first: overrides of a run that is made before, and that all others start from; empty where none is.
    """

    name: str
    about: str
    overrides: list[str]
    rates: list[float]
    first: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is said of a schedule: the use it is best for, and the workloads on which that is tried."""

    schedule: str
    use: str
    workloads: list[str]


@dataclass(frozen=True, kw_only=True)
class Study:
    """The same schedules on several workloads.

    Attributes:
        schedules: options of the group ``schedule``.
        sweep: overrides that all sweeps share: seeds, settings of the sweeper.
        workloads: what they are tried on.
        claims: what is judged in the end.
    """

    schedules: list[str]
    sweep: list[str]
    workloads: list[Workload]
    claims: list[Claim] = field(default_factory=list)

    @property
    def fresh_seeds(self) -> int:
        """Seeds that each schedule is judged on, at most."""
        found = given(self.sweep)
        most = int(found.get("hydra.sweeper.max_seeds", FairSweeperConf.max_seeds))
        fixed = found.get("hydra.sweeper.final_seeds", "[]").strip("[]")
        return most if "hydra.sweeper.until" in found else len([each for each in fixed.split(",") if each])

    def command(self, workload: Workload, folder: Path) -> list[str]:
        """Return the overrides of a workload's sweep.

        Args:
            workload: one of the study's.
            folder: of the study.
        """
        start = [f"trainer.init_from={first_of(folder, workload)}"] if workload.first else []
        rates = ",".join(f"{rate:g}" for rate in workload.rates)
        tried = [f"schedule={','.join(self.schedules)}", f"optimizer.lr={rates}"]
        return [*workload.overrides, *start, *tried, *self.sweep]


def first_of(folder: Path, workload: Workload) -> Path:
    """Return the folder of the run that a workload's others start from."""
    return folder / f"{workload.name}-first"


def read(file: Path) -> Study:
    """Return the study that a TOML file describes.

    Raises:
        ConfigError: there is no such file, it is no TOML, or a part of it is missing, unknown or wrong.
    """
    try:
        held = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"STUDY must be a TOML file, got {str(file)!r}: {reason_of(error)}") from error
    try:
        study = _study(held)
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"STUDY must describe a study, got {str(file)!r}: {error}") from error
    if len(study.schedules) < 2 or not study.workloads:
        raise ConfigError("STUDY must name at least two schedules and one workload")
    names = [workload.name for workload in study.workloads]
    for claim in study.claims:
        for name, known, what in (
            *((each, names, "workload") for each in claim.workloads),
            (claim.schedule, study.schedules, "schedule"),
        ):
            if name not in known:
                raise ConfigError(
                    f"claims must name a {what} of the study, got {name!r}; {nearest(name, known)}"
                )
    return study


def _study(held: dict[str, Any]) -> Study:
    workloads = [Workload(name=name, **fields) for name, fields in held.pop("workloads", {}).items()]
    claims = [Claim(**fields) for fields in held.pop("claims", [])]
    return Study(**held, workloads=workloads, claims=claims)


def keep(study: Study, folder: Path) -> None:
    """Write down what a folder's study is; a study that goes on must be the same, but for its claims.

    Raises:
        ConfigError: the folder holds another study.
    """
    file = folder / KEPT
    mine = asdict(study) | {"claims": []}
    if file.exists() and json.loads(file.read_text()) != mine:
        raise ConfigError(
            f"--out must be a new folder or that of the same study, got {folder}, of another one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(mine, indent=1).encode())
