"""The laws that every schedule keeps, for the curves that only other libraries' conventions need."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import schedules
from schedules import Cyclic, Exponential, Piecewise
from schedules.interop import pieces
from schedules.interop.intervals import Geometric, PerInterval
from schedules.interop.pieces import Phases, TriangleWave, through, triangles
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
    PerInterval(function=Geometric(0.5, every=2.4), scale=0.3, every=2.5, first=1),
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
        names = vars(schedules) | vars(pieces)
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


@pytest.mark.parametrize("shapes", [("linear", "cosine"), ("constant", "one_minus_sqrt")])
def test_whole_steps_give_the_registered_curve(shapes):
    at, values = (0, 4, 9), (0.1, 1.0, 0.3)
    ours, phases = through(at, values, shapes), Phases(at=at, values=values, shapes=shapes)

    assert isinstance(ours, Piecewise)
    assert [ours(t) for t in range(-2, 15)] == pytest.approx([phases(t) for t in range(-2, 15)], rel=1e-12)
    assert isinstance(through((0, 4.5, 9), values, shapes), Phases)
    assert isinstance(through(at, values, shapes, power=2.0), Phases)


@pytest.mark.parametrize(("decay", "gamma"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.9)])
@pytest.mark.parametrize(("rise", "fall"), [(3, 5), (4, 0)])
def test_whole_triangles_are_the_registered_ones(rise, fall, decay, gamma):
    ours = triangles(0.1, 1.0, rise, fall, decay, gamma)
    if decay == 1.0:
        factor = Exponential(peak_value=1.0, gamma=gamma)
    else:
        factor = PerInterval(function=Geometric(decay), every=rise + fall)
    wave = TriangleWave(init_value=0.1, peak_value=1.0, rise_steps=rise, fall_steps=fall, factor=factor)

    assert isinstance(ours, Cyclic)
    assert [ours(t) for t in range(-2, 40)] == pytest.approx([wave(t) for t in range(-2, 40)], rel=1e-12)
    assert isinstance(triangles(0.1, 1.0, rise + 0.5, fall, decay, gamma), TriangleWave)


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
