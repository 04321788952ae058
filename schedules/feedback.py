"""The few schedules that need the loss: they watch it, and answer with a value.

A rule is a frozen dataclass and knows nothing of the run; what it has seen is a state, plain data that you
keep. Nothing is hidden, so a checkpoint is ``dataclasses.asdict(state)`` and ``rule.restore(saved)``::

    rule = Plateau(peak_value=0.1, patience=5)
    state = rule.init()
    write = Plan(lr=lambda step: rule.value(state)).bind(optimizer)
    for step in range(total_steps):
        write(step)
        ...
        state = rule.observe(state, loss)      # after each step, or after each evaluation

A rule with a peak of 1 is a factor for another schedule: ``lambda step: cosine(step) * rule.value(state)``.

A loss that is NaN or infinite counts as a bad one: it is never the best, and enters no average.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Protocol, TypeVar

from .compose import Ramp
from .fields import Count, Ratio, Rule, ShapeName, Steps, Value, settle
from .names import Names, nearest

State = TypeVar("State")

Factor = Annotated[float, Rule("number", low=0.0, high=1.0, above=True)]
Mode = Annotated[str, Rule("choice", choices=("min", "max"))]
ThresholdMode = Annotated[str, Rule("choice", choices=("rel", "abs"))]
Convention = Annotated[str, Rule("choice", choices=("torch", "keras"))]


class Feedback(Protocol[State]):
    """What a rule is: three pure functions of a state that it makes, and one to read it back."""

    def init(self) -> State:
        """Return the state before any loss was seen."""
        ...

    def observe(self, state: State, loss: float) -> State:
        """Return the state after one more loss."""
        ...

    def value(self, state: State) -> float:
        """Return the value of the hyper-parameter."""
        ...

    def restore(self, saved: Mapping[str, Any]) -> State:
        """Return the state that ``dataclasses.asdict`` (and JSON) made plain."""
        ...


@dataclass(frozen=True, kw_only=True)
class PlateauState:
    """What :class:`Plateau` has seen.

    Attributes:
        value: the value, without the warm-up.
        seen: losses seen.
        best: the best loss; ``None`` before the first.
        bad: bad losses in a row that count.
        cooldown: losses still to be ignored.
        window: the losses that are averaged.
    """

    value: float
    seen: int = 0
    best: float | None = None
    bad: int = 0
    cooldown: int = 0
    window: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """Multiply by ``factor`` when the loss has stopped improving::

        v = max(min_value, factor ^ drops * peak)

    Attributes:
        peak_value: value before the first drop.
        factor: factor of each drop [> 0, < 1].
        patience: bad losses in a row that are borne [losses, >= 0].
        threshold: what counts as an improvement [>= 0].
        threshold_mode: ``"rel"``, better than ``best * (1 - threshold)``, or ``"abs"``, better than
            ``best - threshold``.
        mode: ``"min"``, lower is better, or ``"max"``.
        cooldown: losses ignored after a drop [losses, >= 0].
        min_value: lowest value.
        window: losses whose mean is judged [losses, >= 1]; 1 judges each by itself.
        warmup_steps: losses before the peak is reached; none of them counts as bad [losses, >= 0].
        init_value: value before the first loss when there is a warm-up; ``None`` is
            peak / (warmup_steps + 1).
        warmup_shape: a name in ``SHAPES``, run backwards.
        convention: whose counting. ``"torch"`` drops at bad loss number ``patience + 1`` and ignores
            ``cooldown`` losses; ``"keras"`` drops at number ``patience`` (at least the first) and ignores
            ``cooldown - 1``.

    Raises:
        ValueError: a field is out of bounds.

    Source:
        ``torch.optim.lr_scheduler.ReduceLROnPlateau`` (without its ``eps``, which ends all drops near
        1e-8), ``keras.callbacks.ReduceLROnPlateau`` (``threshold_mode="abs"``).

    >>> rule = Plateau(peak_value=1.0, factor=0.5, patience=1)
    >>> state = rule.init()
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     state = rule.observe(state, loss)
    >>> rule.value(state)
    0.5
    """

    name: ClassVar[str] = "plateau"

    peak_value: Value
    factor: Factor = 0.1
    patience: Steps = 10
    threshold: Ratio = 1e-4
    threshold_mode: ThresholdMode = "rel"
    mode: Mode = "min"
    cooldown: Steps = 0
    min_value: Value = 0.0
    window: Count = 1
    warmup_steps: Steps = 0
    init_value: Value | None = None
    warmup_shape: ShapeName = "linear"
    convention: Convention = "torch"

    def __post_init__(self) -> None:
        settle(self)
        _check_factor(self.factor)
        if self.min_value > self.peak_value:
            raise ValueError(f"min_value must be <= peak_value, got {self.min_value} > {self.peak_value}")
        self._ramp()

    def _ramp(self) -> Ramp:
        init = self.peak_value / (self.warmup_steps + 1) if self.init_value is None else self.init_value
        return Ramp(
            peak_value=self.peak_value,
            warmup_steps=self.warmup_steps,
            init_value=init if self.warmup_steps else self.peak_value,
            warmup_shape=self.warmup_shape,
        )

    def init(self) -> PlateauState:
        """Return the state before any loss was seen."""
        return PlateauState(value=self.peak_value)

    def observe(self, state: PlateauState, loss: float) -> PlateauState:
        """Return the state after one more loss."""
        window, judged = _averaged(state.window, float(loss), self.window)
        better = _is_better(self, judged, state.best)
        bad = 0 if better else state.bad + 1
        cooldown = max(0, state.cooldown - 1)
        ignored = state.cooldown > 0 if self.convention == "torch" else cooldown > 0
        if ignored or state.seen < self.warmup_steps:
            bad = 0
        value = state.value
        if bad >= (self.patience + 1 if self.convention == "torch" else max(1, self.patience)):
            value, bad, cooldown = max(self.min_value, value * self.factor), 0, self.cooldown
        return PlateauState(
            value=value,
            seen=state.seen + 1,
            best=judged if better else state.best,
            bad=bad,
            cooldown=cooldown,
            window=window,
        )

    def value(self, state: PlateauState) -> float:
        """Return the value of the hyper-parameter."""
        return self._ramp()(float(state.seen)) if state.seen < self.warmup_steps else state.value

    def restore(self, saved: Mapping[str, Any]) -> PlateauState:
        """Return the state that ``dataclasses.asdict`` (and JSON) made plain."""
        return PlateauState(**_fields(PlateauState, saved))


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

    name: ClassVar[str] = "greedy"

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
        _check_factor(self.factor)
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
        window, judged = _averaged(state.window, float(loss), self.window)
        if state.wait:
            return replace(state, window=window, wait=state.wait - 1, good=0, bad=0)
        if _is_better(self, judged, state.best):
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
        return GreedyState(**_fields(GreedyState, saved))


FEEDBACK: Names[type] = Names("feedback schedule")
"""The table of rules, by name."""
for _rule in (Plateau, Greedy):
    FEEDBACK.add(_rule.name, _rule)


def _check_factor(factor: float) -> None:
    if factor >= 1.0:
        raise ValueError(f"factor must be a number > 0 and < 1, got {factor!r}")


def _is_better(rule: Plateau | Greedy, loss: float, best: float | None) -> bool:
    if not math.isfinite(loss):
        return False
    if best is None:
        return True
    sign = 1.0 if rule.mode == "min" else -1.0
    if rule.threshold_mode == "rel":
        return sign * loss < sign * (best * (1.0 - sign * rule.threshold))
    return sign * loss < sign * best - rule.threshold


def _averaged(window: tuple[float, ...], loss: float, size: int) -> tuple[tuple[float, ...], float]:
    """Return the window with the loss in it, and its mean; a loss that is no number stands for itself."""
    if not math.isfinite(loss):
        return window, loss
    if size == 1:
        return (), loss
    window = (*window, loss)[-size:]
    return window, sum(window) / len(window)


def _fields(state: type, saved: Mapping[str, Any]) -> dict[str, Any]:
    known = [field.name for field in dataclasses.fields(state)]
    for name in saved:
        if name not in known:
            raise ValueError(f"the state has no {name!r}; {nearest(name, known)}")
    for name in known:
        if name not in saved:
            raise ValueError(f"the state lacks {name!r}")
    return {**saved, "window": tuple(saved["window"])}
