"""Learning-rate schedules as pure functions of the step.

>>> import schedules
>>> s = schedules.build("cosine", total_steps=1000, peak_value=0.1, warmup_steps="5%")
>>> s(50)
0.1
"""

from .algebra import Clip, Product, Repeat, Scale, clip, product, repeat, scale
from .breaks import jumps, kinks
from .building import accepted, build
from .compose import Every, Join, Ramp, Shift, every, join, shift
from .constant import Constant
from .cosine import Cosine, CosineRestarts
from .cyclic import Cyclic
from .description import describe
from .edit import Cooldown, Extend, cooldown, extend, lineage
from .exponential import Exponential, InverseTime
from .feedback import FEEDBACK, Feedback
from .greedy import Greedy
from .hyperbolic import Hyperbolic
from .infinite import Infinite
from .interop import (
    from_optax,
    from_timm,
    from_torch,
    from_transformers,
    to_optax,
    to_optax_arguments,
    to_timm,
    to_torch,
    to_transformers,
)
from .inverse_sqrt import InverseSqrt
from .linting import lint
from .multistage import MultiStage
from .onecycle import OneCycle
from .piecewise import Piecewise
from .plateau import Plateau
from .polynomial import Linear, Polynomial
from .power import Power
from .query import area, diff, first_step_at_or_below, peak, scaled_to
from .registry import get, names, register
from .rex import Rex
from .schedule import Schedule, planned_steps, values
from .shapes import SHAPES
from .slanted_triangular import SlantedTriangular
from .spec import dumps, fingerprint, from_spec, loads, to_spec
from .step import MultiStep, Step
from .tanh import Tanh
from .units import Horizon
from .warmup import UntunedWarmup
from .wsd import WarmupStableDecay
from .wsd_s import WarmupStableDecaySimplified

__all__ = [
    "FEEDBACK",
    "SHAPES",
    "Clip",
    "Constant",
    "Cooldown",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Every",
    "Exponential",
    "Extend",
    "Feedback",
    "Greedy",
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
    "Plateau",
    "Polynomial",
    "Power",
    "Product",
    "Ramp",
    "Repeat",
    "Rex",
    "Scale",
    "Schedule",
    "Shift",
    "SlantedTriangular",
    "Step",
    "Tanh",
    "UntunedWarmup",
    "WarmupStableDecay",
    "WarmupStableDecaySimplified",
    "accepted",
    "area",
    "build",
    "clip",
    "cooldown",
    "describe",
    "diff",
    "dumps",
    "every",
    "extend",
    "fingerprint",
    "first_step_at_or_below",
    "from_optax",
    "from_spec",
    "from_timm",
    "from_torch",
    "from_transformers",
    "get",
    "join",
    "jumps",
    "kinks",
    "lineage",
    "lint",
    "loads",
    "names",
    "peak",
    "planned_steps",
    "product",
    "register",
    "repeat",
    "scale",
    "scaled_to",
    "shift",
    "to_optax",
    "to_optax_arguments",
    "to_spec",
    "to_timm",
    "to_torch",
    "to_transformers",
    "values",
]
