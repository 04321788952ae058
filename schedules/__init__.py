"""Learning-rate schedules as pure functions of the step.

>>> import schedules
>>> s = schedules.build("cosine", total_steps=1000, peak_value=0.1, warmup_steps="5%")
>>> s(50)
0.1
"""

from .build import AROUND, accepted, build
from .compose import Every, Join, Ramp, Shift, join
from .constant import Constant
from .cosine import Cosine, CosineRestarts
from .exponential import Exponential, InverseTime
from .feedback import FEEDBACK, Feedback, Greedy, Plateau
from .in_jax import to_optax
from .onecycle import OneCycle
from .polynomial import Linear, Polynomial
from .registry import COMBINATORS, SCHEDULES, get, names, register
from .schedule import Schedule, values
from .shapes import SHAPES
from .step import MultiStep, Step
from .units import Horizon
from .wsd import WarmupStableDecay

__all__ = [
    "AROUND",
    "COMBINATORS",
    "FEEDBACK",
    "SCHEDULES",
    "SHAPES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Every",
    "Exponential",
    "Feedback",
    "Greedy",
    "Horizon",
    "InverseTime",
    "Join",
    "Linear",
    "MultiStep",
    "OneCycle",
    "Plateau",
    "Polynomial",
    "Ramp",
    "Schedule",
    "Shift",
    "Step",
    "WarmupStableDecay",
    "accepted",
    "build",
    "get",
    "join",
    "names",
    "register",
    "to_optax",
    "values",
]
