"""Names, and what ``build`` makes of a name and settings."""

from dataclasses import dataclass

import pytest

import schedules
from schedules.registry import register
from schedules.units import Horizon


def test_every_registered_class_is_a_public_name():
    for name in schedules.names():
        cls = schedules.get(name)
        assert getattr(schedules, cls.__name__) is cls
        assert cls.__name__ in schedules.__all__


def test_public_names_are_sorted_and_exist():
    constants = [name for name in schedules.__all__ if name.isupper()]
    classes = [name for name in schedules.__all__ if name[0].isupper() and not name.isupper()]
    functions = [name for name in schedules.__all__ if name[0].islower()]

    assert schedules.__all__ == sorted(constants) + sorted(classes) + sorted(functions)
    assert all(hasattr(schedules, name) for name in schedules.__all__)


@pytest.mark.parametrize(
    ("wrong", "meant"), [("cosin", "cosine"), ("one_cycle", "onecycle"), ("multi_step", "multistep")]
)
def test_an_unknown_name_offers_the_nearest(wrong, meant):
    with pytest.raises(ValueError, match=f"no schedule is named '{wrong}'; did you mean '{meant}'"):
        schedules.build(wrong)


def test_a_name_far_from_all_lists_them():
    with pytest.raises(ValueError, match=r"known: constant, .*cosine"):
        schedules.get("zzzzzz")


def test_a_taken_name_is_refused_and_keeps_its_class():
    @dataclass(frozen=True, kw_only=True)
    class Other:
        def __call__(self, step):
            return 0.0

    with pytest.raises(ValueError, match="schedule name 'cosine' is taken by"):
        register("cosine")(Other)
    assert schedules.get("cosine") is schedules.Cosine


@pytest.mark.parametrize("how", [{}, {"frozen": True}, {"kw_only": True}])
def test_only_frozen_keyword_only_dataclasses_are_registered(how):
    @dataclass(**how)
    class Loose:
        peak_value: float = 1.0

    with pytest.raises(TypeError, match="must be a frozen, keyword-only dataclass"):
        register("loose")(Loose)
    with pytest.raises(TypeError, match="must be a frozen, keyword-only dataclass"):
        register("loose")(lambda step: 0.0)
    assert "loose" not in schedules.names()


@pytest.mark.parametrize(
    ("wrong", "meant"), [("peak_valu", "peak_value"), ("warmup", "warmup_steps"), ("end_valu", "end_value")]
)
def test_an_unknown_setting_offers_the_nearest(wrong, meant):
    with pytest.raises(ValueError, match=f"cosine has no field '{wrong}'; did you mean '{meant}'"):
        schedules.build("cosine", total_steps=10, peak_value=1.0, **{wrong: 1})


def test_a_missing_setting_is_named():
    with pytest.raises(ValueError, match="cosine needs peak_value"):
        schedules.build("cosine", total_steps=10)
    with pytest.raises(ValueError, match="cosine needs total_steps"):
        schedules.build("cosine", peak_value=1.0)
    with pytest.raises(ValueError, match="step needs step_size"):
        schedules.build("step", peak_value=1.0)


def test_units_are_resolved_against_the_horizon():
    horizon = Horizon(total_steps=1000, steps_per_epoch=50, tokens_per_step=10)

    built = schedules.build(
        "wsd", horizon=horizon, peak_value=0.2, warmup_steps="1ep", decay_steps="3000tok", end_value="10%"
    )

    assert built == schedules.WarmupStableDecay(
        total_steps=1000, peak_value=0.2, warmup_steps=50, decay_steps=300, end_value=0.02
    )


def test_the_horizon_gives_total_steps_and_the_setting_wins():
    horizon = Horizon(total_steps=1000)

    assert schedules.build("linear", horizon=horizon, peak_value=1.0).total_steps == 1000
    assert schedules.build("linear", horizon=horizon, peak_value=1.0, total_steps=500).total_steps == 500


def test_none_leaves_the_default():
    assert schedules.build("linear", total_steps=10, peak_value=1.0, end_value=None, shift=None) == (
        schedules.Linear(total_steps=10, peak_value=1.0)
    )


def test_warmup_first_value_moves_by_default():
    s = schedules.build("cosine", total_steps=1000, peak_value=1.0, warmup_steps=9)

    assert s(0) == pytest.approx(0.1)
    assert s(9) == 1.0
    assert s(1000) == 0.0


@pytest.mark.parametrize("name", ["cosine", "constant"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warmup_steps": 11}, "warmup_steps must be <=? total_steps, got 11 >=? 10"),
        ({"warmup_steps": -1}, "warmup_steps must be a whole number >= 0, got -1"),
        ({"warmup_steps": "x"}, "warmup_steps must be a whole number of steps"),
        ({"warmup_steps": 2, "warmup_shape": "linaer"}, "warmup_shape must be a shape's name, got 'linaer'"),
        ({"warmup_shape": "linaer"}, "warmup_shape must be a shape's name, got 'linaer'"),
        ({"warmup_steps": 2, "init_value": -1}, "init_value must be a number >= 0, got -1"),
        ({"shift": "x"}, "shift must be a number, got 'x'"),
        ({"shift": float("nan")}, "shift must be a number, got nan"),
        ({"every": 0}, "every must be a whole number >= 1, got 0"),
        ({"every": "x"}, "every must be a whole number of steps"),
    ],
)
def test_settings_around_a_schedule_are_checked_by_their_names(name, settings, message):
    with pytest.raises(ValueError, match=message):
        schedules.build(name, total_steps=10, peak_value=1.0, **settings)


@pytest.mark.parametrize("key", ["warmup_shape", "init_value"])
def test_a_rising_phase_of_its_own_leaves_no_room_for_another(key):
    """What a class with its own warm-up lacks is an error, never dropped in silence."""
    for name in schedules.names():
        accepted = schedules.accepted(name)
        fields = schedules.get(name).__dataclass_fields__
        if "warmup_steps" in fields and key not in fields:
            assert key not in accepted
        else:
            assert key in accepted


def test_drops_keep_their_dates_when_a_warmup_comes_first():
    s = schedules.build("multistep", peak_value=1.0, milestones=[30, 60], warmup_steps=10, init_value=0.0)

    assert [round(s(t), 9) for t in (0, 5, 10, 29, 30, 59, 60)] == [0.0, 0.5, 1.0, 1.0, 0.1, 0.1, 0.01]


def test_a_warmup_over_the_first_drop_is_refused():
    with pytest.raises(
        ValueError, match="warmup_steps must end before the first change of value, at step 30"
    ):
        schedules.build("multistep", peak_value=1.0, milestones=[30], warmup_steps=30)


@pytest.mark.parametrize("setting", [{"init_value": 0.5}, {"warmup_shape": "cosine"}])
def test_a_warm_ups_setting_without_a_warm_up_is_refused(setting):
    with pytest.raises(ValueError, match=f"{next(iter(setting))} needs warmup_steps"):
        schedules.build("cosine", total_steps=10, peak_value=1.0, **setting)
    schedules.build(
        "cosine", total_steps=10, peak_value=1.0, warmup_steps="1%", **setting
    )  # of no whole step


@pytest.mark.parametrize("field", ["decay_shape", "decay_steps", "peak_value"])
def test_none_is_refused_where_a_value_is_needed(field):
    given = {"total_steps": 10, "peak_value": 1.0, "decay_steps": 2, field: None}
    with pytest.raises(ValueError, match=field):
        schedules.WarmupStableDecay(**given)


def test_json_nested_too_deeply_is_a_value_error():
    text = '{"name": "shift", "by": 1, "schedule": ' * 5000 + "1" + "}" * 5000
    with pytest.raises(ValueError, match="nested too deeply"):
        schedules.loads(text)
