"""What a claim is, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Claim:
    """A sentence, and what tries it: a function of the device and an empty folder that returns a figure.

    Attributes:
        needs_cuda: whether the claim means nothing elsewhere.
        alone: whether nothing else may run meanwhile: it is timed, or looks at what the process does.
    """

    text: str
    prove: Callable[[str, Path], str]
    needs_cuda: bool = False
    alone: bool = False


class Refuted(Exception):
    """A claim does not hold; the message says what was seen."""
