"""Assignments of signs to seeds: all of them where they are few, a balanced draw where they are many."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 13
"""Seeds up to which every assignment is listed."""

BALANCED = 10
"""First seeds over which also the drawn assignments are all patterns, equally often."""

DRAWN = 10 * 2**BALANCED
"""Assignments that are drawn beyond ``EXACT_UP_TO`` seeds."""


@lru_cache(maxsize=64)
def signs(seeds: int) -> NDArray[np.float64]:
    """Return assignments of +1 and -1 to seeds, shape ``(assignments, seeds)``; the first is all +1.

    Up to ``EXACT_UP_TO`` seeds these are all ``2^n`` assignments. Beyond, ``DRAWN`` come from a generator
    with a fixed seed, so that the same losses give the same answer; restricted to the first ``BALANCED``
    seeds they are every pattern equally often, so a look at few seeds is as exact as if only these existed.
    The first row is the one that was observed: it counts among them, which keeps a p-value from drawn
    assignments valid.

    Source:
        Phipson & Smyth 2010, "Permutation P-values should never be zero", https://arxiv.org/abs/1603.05766

    >>> signs(2).tolist()
    [[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]
    >>> signs(20).shape
    (10240, 20)
    """
    listed = min(seeds, EXACT_UP_TO if seeds <= EXACT_UP_TO else BALANCED)
    rows = np.arange(2**listed if seeds <= EXACT_UP_TO else DRAWN)
    table = np.ones((len(rows), seeds))
    table[:, :listed] = 1.0 - 2.0 * ((rows[:, None] >> np.arange(listed)) & 1)
    if seeds > EXACT_UP_TO:
        drawn = np.random.default_rng(0).integers(0, 2, (len(rows), seeds - listed))
        table[1:, listed:] = 1.0 - 2.0 * drawn[1:]
    table.setflags(write=False)
    return table
