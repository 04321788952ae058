"""From the ``schedule`` group to a plan, and what a plan may not do to an optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer

import schedules
from schedules.pytorch import Plan
from schedules.pytorch.places import BETAS, constants, mean_the_same
from schedules.registry import COMBINATORS
from schedules.schedule import knots

from ..errors import ConfigError

BELOW_ONE = tuple(BETAS)
"""Hyper-parameters that are factors of a running mean: at 1 nothing new would ever come in."""


@contextmanager
def blaming(path: str) -> Iterator[None]:
    """Make what is refused inside an error of the setting at ``path``.

    Raises:
        ConfigError: a ``ValueError`` was raised.
    """
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def specs_of(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data that rebuilds it."""
    return {name: schedules.to_spec(schedule) for name, schedule in plan.items()}


def plan_of(specs: dict[str, Any]) -> Plan:
    """Return the plan that :func:`specs_of` described."""
    return Plan(**{name: schedules.from_spec(spec) for name, spec in specs.items()})


def build_plan(nodes: dict[str, Any], horizon: schedules.Horizon) -> Plan:
    """Return the plan of the ``schedule`` group: a schedule for each hyper-parameter named in it."""
    plan: dict[str, Any] = {}
    for hyperparameter, node in nodes.items():
        path = f"schedule.{hyperparameter}"
        if isinstance(node, (int, float)) and not isinstance(node, bool):
            node = {"name": "constant", "peak_value": node}
        if not isinstance(node, dict) or "name" not in node:
            raise ConfigError(f"{path} must have a name: {', '.join(schedules.names())}")
        if hyperparameter == "groups":
            raise ConfigError(f"{path}: no optimizer has a hyper-parameter of that name")
        with blaming(path):
            plan[hyperparameter] = _schedule(node, horizon)
    return Plan(**plan)


def _schedule(node: dict[str, Any], horizon: schedules.Horizon) -> schedules.Schedule:
    if node["name"] in COMBINATORS:  # a spec, as those of plan.json: exact, and in steps
        return schedules.from_spec(node)
    fields = dict(node)
    return schedules.build(fields.pop("name"), horizon=horizon, **fields)


def check_fixed(plan: Plan, fixed: tuple[str, ...], optimizer: str) -> None:
    """Raise where a schedule drives what an optimizer needs to stay as it is."""
    for name in fixed:
        if name in plan and not isinstance(plan[name], schedules.Constant):
            raise ConfigError(f"schedule.{name} must stay one number for {optimizer}; try schedule=constant")


def check_means(plan: Plan, total_steps: int) -> None:
    """Raise where the factor of a running mean reaches 1 at one of its knots or ends."""
    for name in BELOW_ONE:
        if name in plan:
            steps = [0, *knots(plan[name], total_steps), total_steps - 1]
            highest = max(plan[name](step) for step in steps)
            if highest >= 1.0:
                raise ConfigError(f"schedule.{name} must stay < 1, got {highest:g}")


def with_constants(plan: Plan, optimizer: Optimizer) -> Plan:
    """Add the rate and the momentum where no schedule drives them, so that every run logs both."""
    group = optimizer.param_groups[0]
    rest = {
        name: value
        for name, value in constants(group).items()
        if not any(mean_the_same(name, driven, group) for driven in plan)
    }
    return Plan(**{**plan, **rest})  # type: ignore[arg-type]  # names are not "groups"
