"""The optimizers: importing this package registers them."""

from . import muon, rivals, torchs
from .groups import grouped

__all__ = ["grouped", "muon", "rivals", "torchs"]
