"""A table of names that helps when a name is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


def nearest(name: str, known: list[str]) -> str:
    """Say which known name was probably meant, or list them all."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


class Names(Mapping[str, Entry]):
    """Entries of one kind under unique names, in the order they came.

    Args:
        kind: what an entry is, for messages: ``"schedule"``, ``"model"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> None:
        """Enter ``entry``; raise ``ValueError`` where the name is taken by another."""
        if name in self._entries:
            raise ValueError(f"{self.kind} name {name!r} is taken by {self._entries[name]!r}")
        self._entries[name] = entry

    def entry(self, name: str) -> Callable[[Entry], Entry]:
        """Return a decorator that enters what it decorates under ``name``."""

        def enter(entry: Entry) -> Entry:
            self.add(name, entry)
            return entry

        return enter

    def __getitem__(self, name: str) -> Entry:
        """Return the entry; raise ``ValueError`` with the near match for an unknown name."""
        try:
            return self._entries[name]
        except (KeyError, TypeError):
            raise ValueError(f"no {self.kind} is named {name!r}; {nearest(str(name), list(self))}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
