"""optax itself, run in double precision, beside our schedules made from its own arguments."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import schedules

N = 60

SPECS = {
    "constant_schedule": {"value": 0.3},
    "linear_schedule": {"init_value": 0.1, "end_value": 1.0, "transition_steps": 17, "transition_begin": 4},
    "polynomial_schedule": {"init_value": 1.0, "end_value": 0.1, "power": 2.5, "transition_steps": 31},
    "exponential_decay": {"init_value": 1.0, "transition_steps": 7, "decay_rate": 0.7, "transition_begin": 3},
    "exponential_decay staircase": {
        "init_value": 1.0,
        "transition_steps": 7,
        "decay_rate": 0.5,
        "staircase": True,
        "end_value": 0.05,
    },
    "cosine_decay_schedule": {"init_value": 1.0, "decay_steps": 41, "alpha": 0.1, "exponent": 1.3},
    "piecewise_constant_schedule": {"init_value": 1.0, "boundaries_and_scales": {10: 0.5, 30: 0.1}},
    "piecewise_interpolate_schedule": {
        "interpolate_type": "cosine",
        "init_value": 1.0,
        "boundaries_and_scales": {12: 2.0, 40: 0.1},
    },
    "warmup_cosine_decay_schedule": {
        "init_value": 0.0,
        "peak_value": 1.0,
        "warmup_steps": 9,
        "decay_steps": 50,
        "end_value": 0.1,
    },
    "warmup_constant_schedule": {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 9},
    "warmup_exponential_decay_schedule": {
        "init_value": 0.0,
        "peak_value": 1.0,
        "warmup_steps": 9,
        "transition_steps": 10,
        "decay_rate": 0.6,
    },
    "warmup_cosine_decay_schedule to a peak of 0": {
        "init_value": 0.2,
        "peak_value": 0.0,
        "warmup_steps": 20,
        "decay_steps": 50,
        "end_value": 0.5,
    },
    "cosine_decay_schedule from 0": {"init_value": 0.0, "decay_steps": 41, "alpha": 0.5},
    "exponential_decay from 0": {
        "init_value": 0.0,
        "transition_steps": 7,
        "decay_rate": 0.5,
        "end_value": 0.1,
    },
    "polynomial_schedule from 0": {"init_value": 0.0, "end_value": 0.1, "power": 2.0, "transition_steps": 31},
    "piecewise_interpolate_schedule from 0": {
        "interpolate_type": "linear",
        "init_value": 0.0,
        "boundaries_and_scales": {12: 2.0, 40: 0.1},
    },
    "linear_onecycle_schedule to 0": {"transition_steps": 50, "peak_value": 0.0},
    "sgdr_schedule with a peak of 0": {
        "cosine_kwargs": [
            {"init_value": 0.5, "peak_value": 0.0, "decay_steps": 20, "warmup_steps": 4, "end_value": 0.1},
            {"init_value": 0.1, "peak_value": 0.5, "decay_steps": 30, "warmup_steps": 2, "end_value": 0.0},
        ]
    },
    "warmup_exponential_decay_schedule to a peak of 0": {
        "init_value": 0.5,
        "peak_value": 0.0,
        "warmup_steps": 9,
        "transition_steps": 10,
        "decay_rate": 0.6,
        "end_value": 0.1,
    },
    "cosine_onecycle_schedule": {"transition_steps": 50, "peak_value": 1.0, "pct_start": 0.3},
    "linear_onecycle_schedule": {"transition_steps": 50, "peak_value": 1.0, "pct_start": 0.3},
    "sgdr_schedule": {
        "cosine_kwargs": [
            {"init_value": 0.0, "peak_value": 1.0, "decay_steps": 20, "warmup_steps": 4, "end_value": 0.1},
            {"init_value": 0.1, "peak_value": 0.5, "decay_steps": 30, "warmup_steps": 2, "end_value": 0.0},
        ]
    },
}


@pytest.mark.parametrize("name", SPECS)
def test_a_schedule_made_from_optax_arguments_has_its_values(name):
    function = name.split()[0]
    ours = schedules.from_optax(function, **SPECS[name])
    with jax.enable_x64(True):
        theirs = np.array([float(getattr(optax, function)(**SPECS[name])(jnp.asarray(t))) for t in range(N)])

    np.testing.assert_allclose([ours(t) for t in range(N)], theirs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(schedules.values(ours, N), theirs, rtol=1e-9, atol=1e-9)
