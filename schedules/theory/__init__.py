"""What a schedule will do before it is run: a bound, laws fitted to runs, refined and optimal schedules.

Pure numpy. ``docs/foresight.md`` says what each of them was seen to be good for, and what not.
"""

from .averaging import PlanDescription, averaging_coefficients, describe_plan, merge_weights
from .course import bound_curve, noise_at
from .curve import Curve
from .forms import Annealing, Convex
from .last_iterate import BestScale, Transfer, best_scale, bound, gradient, transfer_table
from .law import Coefficients, Law, Prediction, fit, fit_annealing
from .optimum import Optimum, optimise
from .quadratic import noisy_quadratic
from .refined import absolute_rates, guarantee, refine, refined_rates

__all__ = [
    "Annealing",
    "BestScale",
    "Coefficients",
    "Convex",
    "Curve",
    "Law",
    "Optimum",
    "PlanDescription",
    "Prediction",
    "Transfer",
    "absolute_rates",
    "averaging_coefficients",
    "best_scale",
    "bound",
    "bound_curve",
    "describe_plan",
    "fit",
    "fit_annealing",
    "gradient",
    "guarantee",
    "merge_weights",
    "noise_at",
    "noisy_quadratic",
    "optimise",
    "refine",
    "refined_rates",
    "transfer_table",
]
