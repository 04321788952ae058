"""What every registered schedule promises. A new name is covered by being registered."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import schedules
from schedules.fields import rules
from schedules.schedule import knots

NAMES = schedules.names()
every_name = pytest.mark.parametrize("name", NAMES)
STOP = 500  # steps looked at: beyond the end of every drawn run


def stated(schedule):
    """The values of the hyper-parameter that a schedule's fields state."""
    found = []
    for key, field in rules(type(schedule)).items():
        value = getattr(schedule, key)
        if field.rule.unit == "value" and value is not None:
            found += value if field.many else [value]
    return found


def without_warmup(name):
    return "warmup_steps" not in rules(schedules.get(name))


def assert_same(actual, expected, scale=1.0):
    """To the last digits; ``pytest.approx`` is slow on arrays."""
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14 * max(1.0, scale))


@every_name
@given(st.data())
def test_values_are_finite_and_not_negative(any_schedule, name, data):
    values = schedules.values(data.draw(any_schedule(name)), STOP)

    assert np.all(np.isfinite(values))
    assert values.min() >= 0.0


@every_name
@given(st.data())
def test_no_value_is_above_all_stated_ones(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    assume(not any((getattr(s, factor, None) or 0.0) > 1.0 for factor in ("gamma", "cycle_decay")))

    assert schedules.values(s, STOP).max() <= max(stated(s)) * (1.0 + 1e-12)


FACTORS = {"gamma", "cycle_decay", "ratio", "exponent", "rate", "timescale"}


@pytest.mark.parametrize("name", [name for name in NAMES if not FACTORS & rules(schedules.get(name)).keys()])
@given(st.data())
def test_no_value_is_below_all_stated_ones(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    assume(getattr(s, "init_value", 0.0) is not None and getattr(s, "end_value", 0.0) is not None)

    assert schedules.values(s, STOP).min() >= min(stated(s)) * (1.0 - 1e-12)


def having(field):
    """The names whose schedules have that field."""
    return pytest.mark.parametrize("name", [n for n in NAMES if field in rules(schedules.get(n))])


@having("warmup_steps")
@given(st.data())
def test_the_warmup_goes_from_its_first_value_to_the_peak(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    assume(getattr(s, "gamma", 1.0) == 1.0)
    init = getattr(s, "init_value", None)
    if s.warmup_steps:
        assert init is None or s(0) == init
        if getattr(s, "warmup_shape", "linear") != "constant":
            assert s(s.warmup_steps - 1e-9) == pytest.approx(s.peak_value, abs=1e-2 * max(stated(s)))
    assert s(s.warmup_steps) == s.peak_value or another_phase_is_over_at(s, s.warmup_steps)


def another_phase_is_over_at(s, step):
    """Whether a phase after the warm-up has no length, so that its last value holds at that step already."""
    lengths = [getattr(s, key, None) for key in ("cooldown_steps", "decay_steps")]
    return 0 in lengths or step + (lengths[1] or 0) == getattr(s, "total_steps", None)


@pytest.mark.parametrize(
    "name",
    [n for n in NAMES if {"peak_value", "end_value"} <= rules(schedules.get(n)).keys() and without_warmup(n)],
)
@given(st.data())
def test_without_a_warmup_it_starts_at_the_peak(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    has_floor = not hasattr(s, "total_steps") and not hasattr(s, "cycle_steps")

    assert s(0) == (max(s.peak_value, s.end_value) if has_floor else s.peak_value)


@having("total_steps")
@given(st.data())
def test_it_reaches_its_end_and_holds_it(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    total = s.total_steps
    end = s(total)

    if getattr(s, "end_value", None) is not None and decays(s):
        assert end == s.end_value
    assert [s(t) for t in (total + 0.5, total + 1, 2 * total, 10**9)] == [end] * 4
    assert_same(s(np.array([total, total + 1.0, 1e9])).tolist(), [end] * 3)


def shortest_cycle(s):
    return np.diff((0, *getattr(s, "milestones", ()), s.total_steps)).min()


def decays(s):
    """Whether there is a decay to reach the end by; a one-cycle's second phase is one too."""
    if isinstance(s, schedules.OneCycle):
        return True
    return bool(getattr(s, "decay_steps", 1)) and getattr(s, "decay_fraction", 1.0) * shortest_cycle(s) >= 1.0


@every_name
@given(st.data())
def test_before_zero_it_holds_the_first_value(any_schedule, name, data):
    s = data.draw(any_schedule(name))

    assert [s(t) for t in (-1, -0.5, -1000)] == [s(0)] * 3
    assert_same(s(np.array([-1000.0, -1.0, 0.0])).tolist(), [s(0)] * 3)


@every_name
@given(st.data())
def test_it_jumps_only_at_its_knots(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    scale = max(stated(s))
    quiet = np.array(sorted(set(range(1, STOP)) - set(knots(s, STOP))), dtype=float)

    for side in (-1e-7, 1e-7):
        np.testing.assert_allclose(s(quiet + side), s(quiet), rtol=1e-4, atol=1e-4 * scale)


@every_name
@given(st.data())
def test_asking_in_any_order_gives_the_same(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    steps = data.draw(st.lists(st.integers(-5, STOP), min_size=2, max_size=20))
    fresh = dataclasses.replace(s)

    assert {t: s(t) for t in steps} == {t: fresh(t) for t in reversed(steps)}


@every_name
@given(st.data())
def test_arrays_are_the_numbers_one_by_one(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    steps = np.array(data.draw(st.lists(st.integers(-5, STOP), min_size=1, max_size=20)))
    scale = max(stated(s))

    assert_same(s(steps), [s(t) for t in steps.tolist()], scale)
    assert s(steps.astype(float)).dtype == np.float64
    assert s(steps.reshape(1, -1)).shape == (1, len(steps))
    assert_same(schedules.values(s, 40, start=3), [s(t) for t in range(3, 40)], scale)


@every_name
@given(st.data())
def test_a_number_gives_a_float(any_schedule, name, data):
    s = data.draw(any_schedule(name))

    assert all(type(s(t)) is float for t in (0, 3, 3.5, STOP))
    assert s(3) == s(3.0)


@every_name
@given(st.data())
def test_its_print_rebuilds_it(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    twin = eval(repr(s), vars(schedules).copy())

    assert twin == s
    assert hash(twin) == hash(s)


@every_name
@given(st.data())
def test_it_pickles_also_after_use(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    values = schedules.values(s, 50).tolist()
    twin = pickle.loads(pickle.dumps(s))

    assert twin == s
    assert schedules.values(twin, 50).tolist() == values


@every_name
@given(st.data())
def test_its_fields_rebuild_it(any_schedule, name, data):
    s = data.draw(any_schedule(name))

    assert type(s)(**dataclasses.asdict(s)) == s
    assert dataclasses.replace(s) == s
    with pytest.raises(dataclasses.FrozenInstanceError):
        s.peak_value = 1.0


WRONG = {  # what no field of that unit takes
    "steps": [-1, 1.5, "five", "5 %%", True, math.nan, [3]],
    "value": [-1.0, math.nan, math.inf, "ten", "3ep", True, [1.0]],
    "number": [math.nan, math.inf, "ten", True, [1.0]],
    "shape": ["nope", "", 3],
    "choice": ["nope", "", 3],
}


def out_of(field):
    """Values that break a field's rule: its unit's, and those just out of its bounds."""
    rule = field.rule
    wrong = list(WRONG[rule.unit])
    step = 1 if rule.unit == "steps" else 0.5
    if rule.low > -math.inf:
        wrong.append(rule.low if rule.above else rule.low - step)
    if rule.high < math.inf:
        wrong.append(rule.high if rule.below else rule.high + step)
    return wrong


@every_name
@given(st.data())
def test_a_field_out_of_bounds_is_named(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    for key, field in rules(type(s)).items():
        for wrong in out_of(field):
            if field.many:
                held = getattr(s, key)
                wrong = (*held[:-1], wrong) if held else (wrong,)
            with pytest.raises(ValueError, match=rf"\b{key}\b"):
                dataclasses.replace(s, **{key: wrong})
        if field.many:
            with pytest.raises(ValueError, match=f"{key} must be a list"):
                dataclasses.replace(s, **{key: "linear"})


@every_name
def test_it_says_what_it_is(name):
    cls = schedules.get(name)
    doc = cls.__doc__

    assert cls.name == name
    for part in ("::", "Best for:", "Attributes:", "Raises:", ">>> "):
        assert part in doc
    for key in rules(cls):
        assert f"        {key}: " in doc


@pytest.mark.parametrize("name", [name for name in NAMES if without_warmup(name)])
@given(st.data())
def test_build_composes_the_warmup_around_it(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    warmup = data.draw(st.integers(1, 50))
    shape = data.draw(st.sampled_from(["linear", "cosine", "constant"]))
    settings = fields_of(s) | {"warmup_steps": warmup, "warmup_shape": shape}
    if "total_steps" in settings:
        settings["total_steps"] += warmup
    on_run_clock = getattr(s, "on_run_clock", False)
    if on_run_clock and s(warmup) != s(0) and name != "power":
        with pytest.raises(ValueError, match="warmup_steps must end before the first change of value"):
            schedules.build(name, **settings)
        return
    rest = schedules.Shift(schedule=s, by=warmup) if on_run_clock else s
    peak = rest(0)
    ramp = schedules.Ramp(
        peak_value=peak, warmup_steps=warmup, init_value=peak / (warmup + 1), warmup_shape=shape
    )

    built = schedules.build(name, **settings)

    assert built == schedules.join(ramp, rest, at=[warmup])
    assert built(warmup) == peak
    assert [built(t) for t in range(warmup)] == [ramp(t) for t in range(warmup)]
    assert [built(t) for t in range(warmup, STOP)] == [rest(t - warmup) for t in range(warmup, STOP)]


def fields_of(s):
    return {f.name: getattr(s, f.name) for f in dataclasses.fields(s) if getattr(s, f.name) is not None}


@every_name
@given(st.data())
def test_build_composes_shift_and_stairs_around_it(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    by = data.draw(st.integers(-20, 20) | st.sampled_from([0.5, 1.5]))
    every = data.draw(st.integers(1, 50))

    built = schedules.build(name, **fields_of(s), shift=by, every=every)

    assert [built(t) for t in range(0, STOP, 7)] == [s(t // every * every + by) for t in range(0, STOP, 7)]
    assert_same(schedules.values(built, STOP), [built(t) for t in range(STOP)], max(stated(s)))


@every_name
@given(st.data())
def test_build_without_anything_around_is_the_class(any_schedule, name, data):
    s = data.draw(any_schedule(name))

    assert schedules.build(name, **fields_of(s)) == s


@given(st.data(), *[st.sampled_from(NAMES)] * 3)
def test_joins_are_associative(any_schedule, data, first, second, third):
    a, b, c = (data.draw(any_schedule(name)) for name in (first, second, third))
    m, n = data.draw(st.integers(0, 100)), data.draw(st.integers(0, 100))
    left = schedules.join(schedules.join(a, b, at=[m]), c, at=[m + n])
    right = schedules.join(a, schedules.join(b, c, at=[n]), at=[m])
    flat = schedules.join(a, b, c, at=[m, m + n])

    assert left == right == flat
    assert [flat(t) for t in range(m)] == [a(t) for t in range(m)]
    assert [flat(t) for t in range(m, m + n)] == [b(t) for t in range(n)]
    assert [flat(t) for t in range(m + n, m + n + 50)] == [c(t) for t in range(50)]
    assert_same(schedules.values(flat, 250), [flat(t) for t in range(250)], 10.0)
    assert knots(left, STOP) == knots(right, STOP)


@every_name
@given(st.data())
def test_wrapping_changes_nothing(any_schedule, name, data):
    s = data.draw(any_schedule(name))
    wrapped = schedules.join(s, at=[])

    assert [wrapped(t) for t in range(-3, STOP, 11)] == [s(t) for t in range(-3, STOP, 11)]
    assert schedules.join(wrapped, at=[]) == wrapped
    assert knots(wrapped, STOP) == knots(s, STOP)
