"""Raise the value while the loss improves, lower it while it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..fields import Count, Ratio, Steps, Value, settle
from .rule import (
    Factor,
    Mode,
    ThresholdMode,
    averaged,
    check_factor,
    is_better,
    read_back,
    register_feedback,
)


@dataclass(frozen=True, kw_only=True)
class GreedyState:
    """What :class:`Greedy` has seen.

    Attributes:
        value: the value.
        best: the best loss since the start or the last fresh start; ``None`` before the first.
        good: good losses in a row.
        bad: bad losses in a row.
        wait: losses still to be ignored.
        floor_drops: drops asked for at the lowest value, since the last rise.
        window: the losses that are averaged.
    """

    value: float
    best: float | None = None
    good: int = 0
    bad: int = 0
    wait: int = 0
    floor_drops: int = 0
    window: tuple[float, ...] = ()


@register_feedback("greedy")
@dataclass(frozen=True, kw_only=True)
class Greedy:
    """Raise the value while the loss improves, lower it while it does not (GreedyLR)::

        v <- min(max_value, v / factor)    after patience + 1 good losses in a row
        v <- max(min_value, v * factor)    after patience + 1 bad losses in a row

    After ``reset_after`` drops asked for at the lowest value it starts afresh, and forgets the best loss.

    Attributes:
        init_value: value at the start [min_value <= init_value <= max_value].
        factor: factor of each drop, and of each rise backwards [> 0, < 1].
        patience: losses in a row that change nothing yet [losses, >= 0].
        threshold: what counts as an improvement [>= 0].
        threshold_mode: ``"rel"``, better than ``best * (1 - threshold)``, or ``"abs"``, better than
            ``best - threshold``.
        mode: ``"min"``, lower is better, or ``"max"``.
        cooldown: losses ignored after a drop [losses, >= 0].
        warmup: losses ignored after a rise (the method's own word) [losses, >= 0].
        min_value: lowest value.
        max_value: highest value.
        window: losses whose mean is judged [losses, >= 1]; 1 judges each by itself.
        reset_after: drops asked for at the lowest value before it starts afresh [>= 1].

    Raises:
        ValueError: a field is out of bounds.

    Source:
        arXiv:2512.14527; defaults and counting as ``transformers.GreedyLR`` (without its ``eps``).

    >>> rule = Greedy(init_value=0.1, factor=0.5, patience=1)
    >>> state = rule.init()
    >>> for loss in (3.0, 2.0):
    ...     state = rule.observe(state, loss)
    >>> rule.value(state)
    0.2
    """

    init_value: Value
    factor: Factor = 0.95
    patience: Steps = 10
    threshold: Ratio = 1e-6
    threshold_mode: ThresholdMode = "abs"
    mode: Mode = "min"
    cooldown: Steps = 0
    warmup: Steps = 0
    min_value: Value = 1e-3
    max_value: Value = 1.0
    window: Count = 1
    reset_after: Count = 500

    def __post_init__(self) -> None:
        settle(self)
        check_factor(self.factor)
        if not self.min_value <= self.init_value <= self.max_value:
            raise ValueError(
                f"init_value must be >= min_value and <= max_value, got {self.init_value} "
                f"for {self.min_value} and {self.max_value}"
            )

    def init(self) -> GreedyState:
        """Return the state before any loss was seen."""
        return GreedyState(value=self.init_value)

    def observe(self, state: GreedyState, loss: float) -> GreedyState:
        """Return the state after one more loss."""
        window, judged = averaged(state.window, float(loss), self.window)
        if state.wait:
            return replace(state, window=window, wait=state.wait - 1, good=0, bad=0)
        if is_better(self, judged, state.best):
            state = replace(state, window=window, best=judged, good=state.good + 1, bad=0)
        else:
            state = replace(state, window=window, good=0, bad=state.bad + 1)
        if state.good > self.patience:
            raised = min(self.max_value, state.value / self.factor)
            return replace(state, value=raised, good=0, wait=self.warmup, floor_drops=0)
        if state.bad > self.patience:
            return self._drop(state)
        return state

    def _drop(self, state: GreedyState) -> GreedyState:
        lowered = max(self.min_value, state.value * self.factor)
        floor_drops = state.floor_drops + (lowered <= self.min_value)
        if floor_drops >= self.reset_after:
            return replace(self.init(), wait=self.cooldown)
        return replace(state, value=lowered, bad=0, wait=self.cooldown, floor_drops=floor_drops)

    def value(self, state: GreedyState) -> float:
        """Return the value of the hyper-parameter."""
        return state.value

    def restore(self, saved: Mapping[str, Any]) -> GreedyState:
        """Return the state that ``dataclasses.asdict`` (and JSON) made plain."""
        return GreedyState(**read_back(GreedyState, saved))
