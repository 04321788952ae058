"""Our schedules inside real optax optimizers, under jit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import schedules
from schedules import to_optax

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
optax = pytest.importorskip("optax")

TOTAL, WARMUP = 40, 8
OURS = schedules.build(
    "cosine", total_steps=TOTAL, peak_value=0.1, end_value=0.01, warmup_steps=WARMUP, init_value=0.0
)
PAIRS = {
    "warm-up and cosine": (OURS, optax.warmup_cosine_decay_schedule(0.0, 0.1, WARMUP, TOTAL, 0.01)),
    "cosine": (
        schedules.build("cosine", total_steps=TOTAL, peak_value=0.1, end_value="20%"),
        optax.cosine_decay_schedule(0.1, TOTAL, alpha=0.2),
    ),
    "linear": (
        schedules.build("linear", total_steps=TOTAL, peak_value=0.1),
        optax.linear_schedule(0.1, 0.0, TOTAL),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_gives_optax_s_own_values(pair: str):
    ours, theirs = PAIRS[pair]
    steps = jnp.arange(TOTAL + 10)
    found = jax.jit(to_optax(ours, TOTAL))(steps)
    np.testing.assert_allclose(found, [theirs(t) for t in steps], rtol=1e-5, atol=1e-8)


def test_holds_its_first_and_last_value():
    at = to_optax(lambda step: 1.0 + step, 5)
    assert [float(at(t)) for t in (-3, 0, 5, 6, 10**6)] == [1.0, 1.0, 6.0, 6.0, 6.0]


def test_is_vmapped():
    at = to_optax(OURS, TOTAL)
    found = jax.vmap(at)(jnp.array([[0, 3], [8, 40]]))
    np.testing.assert_allclose(found, [[0.0, OURS(3)], [OURS(8), OURS(40)]], rtol=1e-6)


def run(learning_rate: object, steps: int) -> np.ndarray:
    optimizer = optax.adamw(learning_rate=learning_rate, weight_decay=0.1)
    params = jnp.array([1.0, -2.0])

    @jax.jit
    def update(params, state):
        gradients = jax.grad(lambda x: jnp.sum((x - 0.5) ** 4))(params)
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    state, found = optimizer.init(params), []
    for _ in range(steps):
        params, state = update(params, state)
        found.append(params)
    assert update._cache_size() == 1
    return np.array(found)


def test_adamw_trains_alike_with_either_schedule():
    ours, theirs = PAIRS["warm-up and cosine"]
    found, expected = run(to_optax(ours, TOTAL), TOTAL + 5), run(theirs, TOTAL + 5)
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    assert not np.allclose(found[-1], found[0])


@pytest.mark.parametrize("wrong", [0, 2.5, True])
def test_a_table_without_steps_is_refused(wrong: object):
    with pytest.raises(ValueError, match="total_steps must be a whole number >= 1"):
        to_optax(OURS, wrong)


def test_importing_schedules_does_not_import_jax():
    code = "import sys, schedules.interop; sys.exit('jax' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
