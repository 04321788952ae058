"""Artifacts of a store that moves: from local folders into the folder that a server hands out.

``mlflow server --artifacts-destination FOLDER`` has the files of ``mlflow-artifacts:/X`` in ``FOLDER/X``.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ..tracking.moved import LOCATIONS, local

SERVED = "mlflow-artifacts:"


@dataclass
class Artifacts:
    """Rewrites the addresses of artifacts, row by row, and notes which folders they were.

    Attributes:
        folder: the server's; ``None`` leaves every address as it is.
        folders: from where to where files are to be copied.
        left: addresses that were left as they are, for their files are not at hand.
    """

    folder: Path | None
    folders: dict[Path, Path] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    _experiments: dict[Any, str] = field(default_factory=dict)
    _runs: dict[Any, str] = field(default_factory=dict)
    _new_runs: dict[Any, str] = field(default_factory=dict)

    def change(self, table: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with its new addresses. Experiments come before their runs."""
        for name in LOCATIONS.get(table, ()):
            if (uri := row[name]) and local(uri) is not None:
                row = row | {name: self._moved(table, row, uri)}
            elif uri and uri.startswith(SERVED):  # of another server: its files are not at hand
                self.left.append(uri)
        return row

    def _moved(self, table: str, row: dict[str, Any], uri: str) -> str:
        if self.folder is None:
            self.left.append(uri)
            return uri
        if table == "experiments":
            self._experiments[row["experiment_id"]] = uri
            return f"{SERVED}/{row['experiment_id']}"
        of_run = table == "model_versions"
        above = self._runs.get(row["run_id"]) if of_run else self._experiments.get(row["experiment_id"])
        rest = _below(above, uri) if above is not None and _is_there(above) else None
        if rest is None:
            self.left.append(uri)
            return uri
        if of_run:  # its files are the run's
            return f"{self._new_runs[row['run_id']]}{rest}"
        new = f"{row['experiment_id']}{rest}"
        if table == "runs":
            self._runs[row["run_uuid"]] = uri
            self._new_runs[row["run_uuid"]] = f"{SERVED}/{new}"
        source = local(uri)
        assert source is not None
        self.folders[source] = self.folder / unquote(new)
        return f"{SERVED}/{new}"

    def copy(self) -> int:
        """Copy the files; return how many there are. Those that are there already are written again."""
        files = 0
        for source, target in self.folders.items():
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
                files += sum(1 for each in source.rglob("*") if not each.is_dir())
        return files


def _is_there(uri: str) -> bool:
    """Whether an address names a folder that is on this machine."""
    folder = local(uri)
    return folder is not None and folder.is_dir()


def _below(above: str, uri: str) -> str | None:
    """Return what an address has beyond the one above it; ``None`` where it lies elsewhere."""
    rest = uri.removeprefix(above.rstrip("/"))
    is_below = rest != uri and (rest == "" or rest.startswith("/")) and ".." not in unquote(rest).split("/")
    return rest if is_below else None
