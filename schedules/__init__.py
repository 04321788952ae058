"""Learning-rate schedules as pure functions of the step.

>>> import schedules
>>> s = schedules.build("cosine", total_steps=1000, peak_value=0.1, warmup_steps="5%")
>>> s(50)
0.1
"""

from .algebra import Clip, Product, Repeat, Scale, clip, product, repeat, scale
from .breaks import Break, jumps, kinks, unasked_jumps
from .build import AROUND, accepted, build
from .compose import Every, Join, Ramp, Shift, every, join, shift
from .constant import Constant
from .cosine import Cosine, CosineRestarts
from .cyclic import Cyclic
from .describe import describe, markdown_table
from .edit import Cooldown, Extend, cooldown, extend, lineage
from .exponential import Exponential, InverseTime
from .feedback import FEEDBACK, Feedback, Greedy, Plateau
from .hyperbolic import Hyperbolic
from .in_jax import to_optax
from .infinite import Infinite
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
from .inverse_sqrt import InverseSqrt
from .lint import CODES, Finding, lint
from .multistage import MultiStage
from .onecycle import OneCycle
from .piecewise import Piecewise
from .polynomial import Linear, Polynomial
from .power import Power
from .query import Difference, Point, area, diff, first_step_at_or_below, peak, scaled_to
from .registry import COMBINATORS, SCHEDULES, get, names, register
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
    "AROUND",
    "CODES",
    "COMBINATORS",
    "FEEDBACK",
    "SCHEDULES",
    "SHAPES",
    "Break",
    "Clip",
    "Constant",
    "Cooldown",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Difference",
    "Every",
    "Exponential",
    "Extend",
    "Feedback",
    "Finding",
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
    "Point",
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
    "markdown_table",
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
    "to_optax_spec",
    "to_spec",
    "to_timm",
    "to_torch",
    "to_transformers",
    "unasked_jumps",
    "values",
]
