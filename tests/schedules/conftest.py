"""Strategies that draw any registered schedule over its whole parameter space, from its fields' rules."""

from __future__ import annotations

import math
import os
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, reject, settings
from hypothesis import strategies as st

import schedules
from schedules.fields import FieldRule, rules

COMMON: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}
# An answer in seconds; HYPOTHESIS_PROFILE=thorough looks further and makes a failing example small.
settings.register_profile("quick", max_examples=6, phases=[Phase.explicit, Phase.generate], **COMMON)
settings.register_profile("thorough", max_examples=300, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# A warning is an error here. What others warn of in their own code, and we can't change:
OTHERS = (
    r"ignore:.*torch\.jit\.script_method.*:DeprecationWarning",  # torch's compiler, by itself
    r"ignore:.*LeafSpec.*",  # Lightning, by torch's pytree
    "ignore::ResourceWarning",  # what another test of the same process left is collected here
    "ignore::pytest.PytestUnraisableExceptionWarning",  # likewise
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error", *OTHERS), append=False)


LONGEST = 400  # steps in a drawn run
GROWTH = ("gamma", "cycle_decay")  # factors applied again and again: large ones leave the floats

REFUSALS = 30  # draws that break a rule between fields before an example is given up


@st.composite
def plain_values(draw: st.DrawFn, field: FieldRule, longest: int) -> Any:
    """One value (one item of a list) inside a field's own rule."""
    rule = field.rule
    if rule.unit == "steps":
        return draw(st.integers(int(max(rule.low, 0)), longest))
    if rule.unit == "value":
        return draw(st.sampled_from([0.0, 1.0]) | st.floats(1e-4, 2.0).filter(rule.admits))
    if rule.unit == "number":
        high = 1.02 if field.name in GROWTH else 8.0
        low = rule.low if math.isfinite(rule.low) else -8.0
        return draw(
            st.floats(low, min(rule.high, max(high, low + 1.0)), allow_subnormal=False).filter(rule.admits)
        )
    if rule.unit == "shape":
        return draw(st.sampled_from([*schedules.SHAPES, *rule.choices]))
    return draw(st.sampled_from(rule.choices))


@st.composite
def any_schedules(draw: st.DrawFn, name: str) -> Any:
    """A schedule of that name; rules between its fields are met by drawing again."""
    cls = schedules.get(name)
    optional = {f.name for f in fields(cls) if f.default is not MISSING}
    for _ in range(REFUSALS):
        total = draw(st.integers(1, LONGEST))
        count = draw(st.integers(1, 4))
        given: dict[str, Any] = {}
        for key, field in rules(cls).items():
            if key == "total_steps":
                given[key] = total
            elif key in optional and draw(st.booleans()):
                continue
            elif field.many:
                size = count if field.rule.unit != "shape" else draw(st.sampled_from([1, count, count - 1]))
                items = [draw(plain_values(field, total)) for _ in range(max(size, 0))]
                given[key] = tuple(
                    sorted(items) if field.rule.unit == "steps" and draw(st.booleans()) else items
                )
            else:
                far = field.rule.unit == "steps" and key == "upper_steps"
                given[key] = draw(plain_values(field, 2 * LONGEST if far else total))
        try:
            return cls(**given)
        except ValueError:
            continue
    return reject()


@pytest.fixture(scope="session")
def any_schedule() -> Any:
    """``any_schedule(name)`` is a strategy of the schedules of that name."""
    return any_schedules
