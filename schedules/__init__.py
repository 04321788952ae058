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
from .cyclic import Cyclic
from .describe import describe, markdown_table
from .exponential import Exponential, InverseTime
from .hyperbolic import Hyperbolic
from .infinite import Infinite
from .inverse_sqrt import InverseSqrt
from .multistage import MultiStage
from .onecycle import OneCycle
from .piecewise import Piecewise
from .polynomial import Linear, Polynomial
from .power import Power
from .registry import COMBINATORS, SCHEDULES, get, names, register
from .rex import Rex
from .schedule import Schedule, values
from .shapes import SHAPES
from .slanted_triangular import SlantedTriangular
from .step import MultiStep, Step
from .tanh import Tanh
from .units import Horizon
from .warmup import UntunedWarmup
from .wsd import WarmupStableDecay
from .wsd_s import WarmupStableDecaySimplified

__all__ = [
    "AROUND",
    "COMBINATORS",
    "SCHEDULES",
    "SHAPES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Every",
    "Exponential",
    "Horizon",
    "Hyperbolic",
    "Infinite",
    "InverseSqrt",
    "InverseTime",
    "Join",
    "Linear",
    "MultiStage",
    "MultiStep",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "Power",
    "Ramp",
    "Rex",
    "Schedule",
    "Shift",
    "SlantedTriangular",
    "Step",
    "Tanh",
    "UntunedWarmup",
    "WarmupStableDecay",
    "WarmupStableDecaySimplified",
    "accepted",
    "build",
    "describe",
    "get",
    "join",
    "markdown_table",
    "names",
    "register",
    "values",
]
