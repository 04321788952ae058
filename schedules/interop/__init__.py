"""Schedules from other libraries and for them: torch, transformers, timm, optax. None of them is imported.

``from_*`` reads a peer's scheduler or its documented arguments and returns a schedule that gives the same
value at every update of the run. ``to_*`` says a schedule in the peer's terms where the peer has exactly
that, and raises where it does not. ``docs/peers.md`` has the table.
"""

from .with_optax import from_optax, to_optax, to_optax_arguments
from .with_timm import from_timm, to_timm
from .with_torch import from_torch, to_torch
from .with_transformers import from_transformers, to_transformers

__all__ = [
    "from_optax",
    "from_timm",
    "from_torch",
    "from_transformers",
    "to_optax",
    "to_optax_arguments",
    "to_timm",
    "to_torch",
    "to_transformers",
]
