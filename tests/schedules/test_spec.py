import dataclasses
import json
import os
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from schedules import (
    Constant,
    Cosine,
    Exponential,
    Join,
    Linear,
    MultiStep,
    OneCycle,
    Shift,
    Step,
    WarmupStableDecay,
    build,
    clip,
    dumps,
    every,
    fingerprint,
    from_spec,
    join,
    loads,
    product,
    repeat,
    scale,
    shift,
    to_spec,
    values,
)
from schedules.registry import COMBINATORS, SCHEDULES

quick = settings(max_examples=60, deadline=None)
numbers = st.floats(0.0, 2.0)
lengths = st.integers(1, 50)

leaves = st.one_of(
    st.builds(Constant, peak_value=numbers),
    st.builds(Linear, total_steps=lengths, peak_value=numbers, end_value=numbers),
    st.builds(Exponential, peak_value=numbers, gamma=st.floats(0.1, 1.0), end_value=numbers),
    st.builds(MultiStep, peak_value=numbers, milestones=st.just((3, 9))),
    st.builds(OneCycle, total_steps=st.integers(20, 90), peak_value=numbers),
    st.builds(
        WarmupStableDecay, total_steps=st.integers(20, 90), peak_value=numbers, warmup_steps=st.integers(0, 9)
    ),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, inner, lengths).map(lambda drawn: join(drawn[0], drawn[1], at=drawn[2])),
        st.tuples(inner, inner).map(lambda drawn: product(*drawn)),
        st.builds(scale, inner, numbers),
        st.builds(clip, inner, st.floats(0.0, 0.5), st.floats(0.5, 2.0)),
        st.builds(shift, inner, st.floats(-5, 5)),
        st.builds(every, inner, lengths),
        st.builds(repeat, inner, lengths, st.one_of(st.none(), st.integers(1, 3)), st.floats(1.0, 2.0)),
    ),
    max_leaves=5,
)


@quick
@given(trees)
def test_a_spec_survives_json_and_gives_the_same_schedule(tree):
    back = loads(dumps(tree))

    assert back == tree
    assert to_spec(back) == to_spec(tree)
    assert fingerprint(back) == fingerprint(tree)
    assert values(back, 60).tolist() == values(tree, 60).tolist()


@quick
@given(trees, trees)
def test_fingerprints_are_equal_exactly_where_the_schedules_are(a, b):
    assert (fingerprint(a) == fingerprint(b)) == (a == b)


def test_a_spec_names_every_field_of_every_schedule_inside():
    tree = build("cosine", total_steps=100, peak_value=0.1, warmup_steps=10, shift=1)

    assert to_spec(tree) == {
        "name": "shift",
        "by": 1.0,
        "schedule": {
            "name": "join",
            "boundaries": [10],
            "parts": [
                {
                    "name": "ramp",
                    "peak_value": 0.1,
                    "warmup_steps": 10,
                    "init_value": 0.1 / 11,
                    "warmup_shape": "linear",
                },
                {
                    "name": "cosine",
                    "total_steps": 90,
                    "peak_value": 0.1,
                    "end_value": 0.0,
                    "power": 1.0,
                    "k_decay": 1.0,
                },
            ],
        },
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Linear(total_steps=10, peak_value=1), Linear(total_steps=10.0, peak_value=1.0)),
        (Linear(total_steps=10, peak_value=1.0, end_value=-0.0), Linear(total_steps=10, peak_value=1.0)),
        (Step(peak_value=1.0, step_size=3, gamma=1), Step(peak_value=1.0, step_size=3, gamma=1.0)),
        (Constant(peak_value=np.float64(0.1)), Constant(peak_value=0.1)),
        (Shift(schedule=Constant(peak_value=1.0), by=1), Shift(schedule=Constant(peak_value=1.0), by=1.0)),
    ],
)
def test_one_number_written_in_two_ways_has_one_fingerprint(one, other):
    assert one == other
    assert fingerprint(one) == fingerprint(other)
    assert dumps(one) == dumps(other)


def test_the_fingerprint_is_the_published_one():
    schedule = build("cosine", total_steps=1000, peak_value=0.1, end_value="10%", warmup_steps="5%")

    assert fingerprint(Constant(peak_value=0.1)) == "5e65797ea9cf4338"
    assert fingerprint(schedule) == "a64f22b2c9e25561"


def test_the_fingerprint_is_the_same_in_another_process():
    code = (
        "from schedules import *; print(fingerprint(join(0.1, Linear(total_steps=9, peak_value=0.1), at=5)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.strip() == fingerprint(join(0.1, Linear(total_steps=9, peak_value=0.1), at=5))


def test_fields_with_a_default_may_be_left_out():
    assert from_spec({"name": "cosine", "total_steps": 9, "peak_value": 1}) == Cosine(
        total_steps=9, peak_value=1
    )


LINEAR = {"name": "linear", "total_steps": 10, "peak_value": 1.0}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([], "schedule must be a mapping with a name"),
        ({"total_steps": 1}, "schedule must have a name, got the keys total_steps"),
        ({"name": "cosin"}, "no schedule is named 'cosin'; did you mean 'cosine'"),
        ({"name": ["cosine"]}, "no schedule is named"),
        ({"name": None}, "no schedule is named None"),
        (LINEAR | {"peek_value": 1}, "linear has no field 'peek_value'; did you mean 'peak_value'"),
        ({"name": "linear", "total_steps": 3}, "linear needs peak_value"),
        (LINEAR | {"peak_value": -1}, "peak_value must be a number >= 0, got -1"),
        (LINEAR | {"peak_value": float("nan")}, "peak_value must be a finite number"),
        ({"name": "scale", "by": 1, "schedule": 0.1}, r"schedule\.schedule must be a mapping"),
        ({"name": "product", "factors": LINEAR}, r"schedule\.factors must be a list"),
        (
            {"name": "product", "factors": [LINEAR, LINEAR | {"power": 2}]},
            r"schedule\.factors\[1\]: linear has no field 'power'",
        ),
        (
            {"name": "scale", "by": 1, "schedule": LINEAR | {"total_steps": 0}},
            r"schedule\.schedule: total_steps must be a whole number >= 1, got 0",
        ),
    ],
)
def test_a_wrong_spec_is_refused_with_its_place(spec, message):
    with pytest.raises(ValueError, match=message):
        from_spec(spec)


def test_text_that_is_no_json_is_refused():
    with pytest.raises(ValueError, match="Expecting"):
        loads("cosine")


@pytest.mark.parametrize("make", [to_spec, dumps, fingerprint])
def test_a_plain_function_is_refused_with_a_way_out(make):
    with pytest.raises(ValueError, match=r"schedule\.parts\[1\] must be a registered schedule.*register"):
        make(join(0.1, lambda step: 0.1, at=3))


def test_a_class_that_was_never_registered_is_refused_even_under_a_known_name():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Impostor(Linear):
        pass

    with pytest.raises(ValueError, match="must be a registered schedule"):
        to_spec(Impostor(total_steps=3, peak_value=1.0))


@pytest.mark.parametrize("name", [*SCHEDULES, *COMBINATORS])
def test_no_schedule_and_combinator_share_a_name(name):
    assert (name in SCHEDULES) != (name in COMBINATORS)


def test_the_spec_of_a_join_written_by_hand_is_opened():
    nested = {
        "name": "join",
        "boundaries": [2],
        "parts": [LINEAR, {"name": "join", "boundaries": [3], "parts": [LINEAR, LINEAR]}],
    }

    line = Linear(total_steps=10, peak_value=1.0)
    assert from_spec(json.loads(json.dumps(nested))) == Join(parts=(line, line, line), boundaries=(2, 5))
