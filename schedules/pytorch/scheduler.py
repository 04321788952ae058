"""A plan as a torch ``LRScheduler``, for loops that are not yours."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..names import nearest
from ..units import whole
from .identity import difference, identity, rebuild
from .plan import Plan

POLICIES = ("error", "keep", "override")


class Scheduler(LRScheduler):
    """A plan as a torch scheduler, for a plain loop, ``GradScaler``, Lightning and Accelerate.

    Building it touches nothing. Just before each update (a step pre-hook of the optimizer) the plan's
    values at the clock are written, so the first update already sees ``v(0)``; :meth:`step` moves the
    clock on and writes too, for those who read the groups in between. It lives as long as you hold it.

    The clock counts finished updates: ``step()`` moves it by one if the optimizer made an update since the
    last ``step()``, else not at all. So an update that ``GradScaler`` skipped does not count, and calling
    ``step()`` more than once an update (Accelerate does, once per process) changes nothing. To go to a step,
    set ``last_step``; to look ahead, call ``plan.at(step)``. An update before which somebody set every
    learning rate to 0 is left alone and does not count: ``torch.distributed.checkpoint`` makes the
    optimizer's state so.

    In Lightning return it with ``"interval": "step"``; without it Lightning steps once an epoch.

    Args:
        optimizer: any torch optimizer.
        plan: what to write.
        last_step: the clock [updates finished, >= 0].
        on_mismatch: what loading a checkpoint does whose plan gives other values than this one:
            ``"error"`` raises, ``"keep"`` goes on with the checkpoint's plan, ``"override"`` with this one.

    Raises:
        ValueError: an argument is out of bounds, or the plan does not fit the optimizer.

    >>> import schedules, torch
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=1.0)
    >>> scheduler = Scheduler(optimizer, Plan(lr=schedules.build("linear", total_steps=4, peak_value=0.1)))
    >>> optimizer.step(); scheduler.step(); scheduler.get_last_lr()
    [0.075...]
    """

    def __init__(
        self, optimizer: Optimizer, plan: Plan, last_step: int = 0, *, on_mismatch: str = "error"
    ) -> None:
        # torch's own __init__ replaces optimizer.step and writes the first value: it is not called.
        if not isinstance(plan, Plan):
            raise ValueError(f"plan must be a Plan, as Plan(lr=schedule), got {plan!r}")
        if on_mismatch not in POLICIES:
            raise ValueError(
                f"on_mismatch must be one of {', '.join(POLICIES)}, got {on_mismatch!r}; "
                f"{nearest(str(on_mismatch), list(POLICIES))}"
            )
        self.optimizer = _unwrapped(optimizer)
        self.plan = plan
        self.on_mismatch = on_mismatch
        self.last_step = whole(last_step, "last_step", low=0)
        self._step_count = 1  # Accelerate adds to it; nothing reads it
        self._updated = False
        self._write = plan.bind(self.optimizer)
        self._looked = _look(self.optimizer)
        self.base_lrs = list(self._write.per_group("lr", 0))
        handle = self.optimizer.register_step_pre_hook(_hook(weakref.ref(self)))
        weakref.finalize(self, handle.remove).atexit = False

    @property
    def last_epoch(self) -> int:
        """The clock under torch's name."""
        return self.last_step

    @last_epoch.setter
    def last_epoch(self, step: int) -> None:
        self.last_step = whole(step, "last_epoch", low=0)

    def step(self, epoch: int | None = None) -> None:
        """Move the clock by one if there was an update since the last call, and write its values.

        Args:
            epoch: set the clock to this instead [updates finished, >= 0].

        Raises:
            ValueError: ``epoch`` is no whole number >= 0.
        """
        if epoch is not None:
            self.last_step = whole(epoch, "epoch", low=0)
        elif self._updated:
            self.last_step += 1
        self._updated = False
        self._write_now()

    def _write_now(self) -> None:
        self._write(self.last_step)
        self._looked = _look(self.optimizer)

    def _before_update(self) -> None:
        groups, all_zero = _look(self.optimizer)
        if all_zero and groups is self._looked[0] and not self._looked[1]:
            return  # somebody wants an update that moves nothing
        self._write_now()
        self._updated = True

    def get_last_lr(self) -> list[float | torch.Tensor]:
        """Return the learning rate of each group at the clock: what the next update uses."""
        return list(self._write.per_group("lr", self.last_step))

    def get_lr(self) -> list[float | torch.Tensor]:
        """Return the same as :meth:`get_last_lr`."""
        return self.get_last_lr()

    @property
    def _last_lr(self) -> list[float | torch.Tensor]:  # type: ignore[override]
        return self.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Return the clock, and the plan as text. Plain JSON."""
        return {"step": self.last_step, "plan": identity(self.plan)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Set the clock to the checkpoint's. Nothing is written before the next update.

        Raises:
            ValueError: the state has no clock, or its plan differs and ``on_mismatch`` is ``"error"``.
        """
        if "step" not in state_dict:
            raise ValueError(f"the state must hold 'step', got {sorted(state_dict)}")
        step = whole(state_dict["step"], "the state's 'step'", low=0)
        self._settle_plan(state_dict.get("plan"), step)
        self.last_step, self._updated = step, False

    def _settle_plan(self, theirs: str | None, step: int) -> None:
        """Raise, or take the checkpoint's plan, where it gives other values than ours."""
        if theirs in (None, identity(self.plan)) or self.on_mismatch == "override":
            return
        saved = rebuild(str(theirs))
        apart = difference(saved, self.plan, at_least=step + 1000)
        if apart is not None and self.on_mismatch == "error":
            raise ValueError(
                f"the checkpoint's plan and this one differ from step {apart.step} on: {apart.label} is "
                f"{apart.first:g} there and {apart.second:g} here (the checkpoint is at step {step}); "
                'pass on_mismatch="keep" for the checkpoint\'s plan or "override" for this one'
            )
        if apart is not None:
            self._write = saved.bind(self.optimizer)
            self.plan = saved

    def __getstate__(self) -> dict[str, Any]:
        kept = ("optimizer", "plan", "last_step", "on_mismatch", "_step_count", "_updated")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(  # type: ignore[misc]
            state["optimizer"], state["plan"], state["last_step"], on_mismatch=state["on_mismatch"]
        )
        self._step_count, self._updated = state["_step_count"], state["_updated"]


def _hook(holder: weakref.ref[Scheduler]) -> Callable[..., None]:
    """Return the hook. It keeps nothing alive, and a compiled update calls it outside of its graph."""

    def write(*_: object) -> None:
        scheduler = holder()
        if scheduler is None:
            return
        if torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing():
            raise RuntimeError(
                "a captured update would keep one value for ever; bind plan.table(...) instead"
            )
        scheduler._before_update()

    disabled: Callable[..., None] = torch.compiler.disable(write)
    return disabled


def _look(optimizer: Optimizer) -> tuple[list[dict[str, Any]], bool]:
    """Return the groups, and whether the learning rate is the number 0 in all of them."""
    groups = optimizer.param_groups
    for group in groups:
        rate = group.get("lr")
        if type(rate) not in (float, int) or rate != 0:
            return groups, False
    return groups, True


def _unwrapped(optimizer: Any) -> Optimizer:
    """Return torch's optimizer inside a wrapper that has no hooks of its own, as Accelerate's."""
    while not hasattr(optimizer, "_optimizer_step_pre_hooks") and hasattr(optimizer, "optimizer"):
        optimizer = optimizer.optimizer
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be a torch optimizer, got {type(optimizer).__name__}")
    return optimizer
