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
from .interop import (
    from_optax,
    from_timm,
    from_torch,
    from_transformers,
    to_optax_spec,
    to_timm,
    to_torch,
    to_transformers,
)
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
    "SCHEDULES",
    "SHAPES",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Every",
    "Exponential",
    "Horizon",
    "InverseTime",
    "Join",
    "Linear",
    "MultiStep",
    "OneCycle",
    "Polynomial",
    "Ramp",
    "Schedule",
    "Shift",
    "Step",
    "WarmupStableDecay",
    "accepted",
    "build",
    "from_optax",
    "from_timm",
    "from_torch",
    "from_transformers",
    "get",
    "join",
    "names",
    "register",
    "to_optax_spec",
    "to_timm",
    "to_torch",
    "to_transformers",
    "values",
]
