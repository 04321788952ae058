"""Learning-rate schedules as pure functions of the step.

>>> import schedules
>>> s = schedules.build("cosine", total_steps=1000, peak_value=0.1, warmup_steps="5%")
>>> s(50)
0.1
"""

from .building import accepted, build
from .combine.algebra import Clip, Product, Scale, Sum, add, clip, product, scale
from .combine.branch import Cooldown, cooldown
from .combine.compose import Every, Join, Ramp, Shift, every, join, shift
from .combine.edit import Extend, extend, lineage
from .combine.repeat import Repeat, repeat
from .combine.warmup import UntunedWarmup
from .families.constant import Constant
from .families.cosine import Cosine, CosineRestarts
from .families.cyclic import Cyclic
from .families.exponential import Exponential, InverseTime
from .families.hyperbolic import Hyperbolic
from .families.infinite import Infinite
from .families.inverse_sqrt import InverseSqrt
from .families.multistage import MultiStage
from .families.onecycle import OneCycle
from .families.piecewise import Piecewise
from .families.polynomial import Linear, Polynomial
from .families.power import Power
from .families.rex import Rex
from .families.slanted_triangular import SlantedTriangular
from .families.step import MultiStep, Step
from .families.tanh import Tanh
from .families.wsd import WarmupStableDecay
from .families.wsd_s import WarmupStableDecaySimplified
from .feedback.greedy import Greedy
from .feedback.plateau import Plateau
from .feedback.rule import FEEDBACK, Feedback
from .inspect.breaks import jumps, kinks
from .inspect.description import describe
from .inspect.linting import lint
from .inspect.query import area, diff, first_step_at_or_below, peak, scaled_to
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
from .registry import get, names, register
from .schedule import Schedule, planned_steps, values
from .shapes import SHAPES
from .spec import dumps, fingerprint, from_spec, loads, to_spec
from .units import Horizon

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
    "Sum",
    "Tanh",
    "UntunedWarmup",
    "WarmupStableDecay",
    "WarmupStableDecaySimplified",
    "accepted",
    "add",
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
