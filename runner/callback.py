"""Hydra's callback at an address that Hydra can follow: it takes ``runner.sweep`` for the function."""

from .sweep.callback import SweepCallback as SweepCallback
