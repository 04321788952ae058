"""Lower the value when the loss has stopped improving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ..combine.compose import Ramp
from ..fields import Count, Ratio, Rule, Steps, Value, WarmupShape, settle
from ..shapes import first_value
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

Convention = Annotated[str, Rule("choice", choices=("torch", "keras"))]


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


@register_feedback("plateau")
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
    warmup_shape: WarmupShape = "linear"
    convention: Convention = "torch"

    def __post_init__(self) -> None:
        settle(self)
        check_factor(self.factor)
        if self.min_value > self.peak_value:
            raise ValueError(f"min_value must be <= peak_value, got {self.min_value} > {self.peak_value}")
        self._ramp()

    def _ramp(self) -> Ramp:
        init = first_value(self.peak_value, self.warmup_steps, self.init_value)
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
        window, judged = averaged(state.window, float(loss), self.window)
        better = is_better(self, judged, state.best)
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
        return PlateauState(**read_back(PlateauState, saved))
