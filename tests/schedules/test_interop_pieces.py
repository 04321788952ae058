"""The laws that every schedule keeps, for the curves that only other libraries' conventions need."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import schedules
from schedules import Constant, Exponential, MultiStep
from schedules.interop import decays, pieces
from schedules.interop.decays import InverseRoot, UnstretchedTanh
from schedules.interop.pieces import Chain, PerInterval, Phases, Power, TriangleWave
from schedules.schedule import knots

PIECES = [
    Phases(at=(-2.5, 4.5, 9), values=(0.1, 1.0, 0.0), shapes=("cosine", "linear"), power=2.0, k_decay=1.5),
    Phases(at=(0, 3, 3, 6.5), values=(1.0, 0.0, 0.5, 0.0), shapes=("cosine", "linear", "one_minus_sqrt")),
    TriangleWave(init_value=0.1, peak_value=1.0, rise_steps=2.5, fall_steps=4),
    TriangleWave(init_value=0.9, peak_value=0.8, rise_steps=3, fall_steps=0),
    TriangleWave(
        init_value=0.1,
        peak_value=1.0,
        rise_steps=2,
        fall_steps=2,
        factor=Exponential(peak_value=1.0, gamma=0.9),
    ),
    Chain(peak_value=0.5, factors=(MultiStep(peak_value=1.0, milestones=(3,)), Constant(peak_value=0.5))),
    PerInterval(function=Power(0.5, every=2.4), scale=0.3, every=2.5, first=1),
    InverseRoot(peak_value=1.0, timescale=7),
    UnstretchedTanh(total_steps=9, peak_value=1.0, end_value=0.1),
]


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: type(piece).__name__)
class TestLaws:
    def test_one_step_and_an_array_of_them_agree(self, piece):
        steps = np.array([[-3.0, 0.0, 1.0, 2.5], [4.5, 5.0, 9.0, 40.0]])
        one_by_one = [piece(float(t)) for t in steps.ravel()]
        assert piece(steps).ravel() == pytest.approx(one_by_one, rel=1e-12)
        assert piece(steps).shape == steps.shape
        assert piece(np.arange(30.0)) == pytest.approx([piece(t) for t in range(30)], rel=1e-12)

    def test_it_compares_pickles_and_prints_as_code(self, piece):
        piece(5.0)
        names = vars(schedules) | vars(pieces) | vars(decays)
        assert eval(repr(piece), names) == piece == pickle.loads(pickle.dumps(piece))

    def test_values_are_finite_and_hold_before_the_start(self, piece):
        assert np.isfinite(piece(np.arange(200.0))).all()
        assert piece(-30) == piece(-40)
        assert isinstance(piece(5), float)

    def test_knots_are_whole_steps_inside_what_was_asked(self, piece):
        found = knots(piece, 20)
        assert all(isinstance(k, int) and 0 < k <= 20 for k in found)


def test_knots_are_the_first_steps_of_another_formula():
    assert knots(PIECES[0], 20) == (5, 9)
    assert knots(PIECES[3], 7) == (3, 6)
    assert knots(PIECES[5], 20) == (3,)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"at": (0, 5, 3)}, "at must not fall"),
        ({"values": (1.0, 0.0)}, "at and values must be one more than shapes"),
        ({"shapes": ("linear", "lin")}, "shapes must be a shape's name, got 'lin'"),
        ({"shapes": ("linear", "exponential")}, "values must be > 0 with the shape 'exponential'"),
        ({"values": (1.0, -0.5, 0.0)}, "values must be a number >= 0, got -0.5"),
    ],
)
def test_phases_that_do_not_fit_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Phases(**{"at": (0, 5, 9), "values": (1.0, 0.5, 0.0), "shapes": ("linear", "linear")} | wrong)


def test_no_peer_is_imported():
    peers = "torch", "transformers", "timm", "optax", "jax"
    code = f"import schedules, sys; print([p for p in {peers} if p in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
