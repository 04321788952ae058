"""Files that people fetch themselves: where they are, or where to get them."""

from __future__ import annotations

from pathlib import Path


def found(folder: Path, names: list[str], source: str) -> Path:
    """Return the first of ``names`` that is in ``folder``.

    Raises:
        ValueError: none is; the message says where to get it and where to put it.
    """
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise ValueError(
        f"folder must hold {' or '.join(names)}, got {str(folder)!r} without it; "
        f"get it from {source} and put it into {folder.absolute()}"
    )
