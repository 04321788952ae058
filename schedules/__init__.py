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
from .edit import Cooldown, Extend, cooldown, extend, lineage
from .exponential import Exponential, InverseTime
from .lint import CODES, Finding, lint
from .onecycle import OneCycle
from .polynomial import Linear, Polynomial
from .query import Difference, Point, area, diff, first_step_at_or_below, peak, scaled_to
from .registry import COMBINATORS, SCHEDULES, get, names, register
from .schedule import Schedule, planned_steps, values
from .shapes import SHAPES
from .spec import dumps, fingerprint, from_spec, loads, to_spec
from .step import MultiStep, Step
from .units import Horizon
from .wsd import WarmupStableDecay

__all__ = [
    "AROUND",
    "CODES",
    "COMBINATORS",
    "SCHEDULES",
    "SHAPES",
    "Break",
    "Clip",
    "Constant",
    "Cooldown",
    "Cosine",
    "CosineRestarts",
    "Difference",
    "Every",
    "Exponential",
    "Extend",
    "Finding",
    "Horizon",
    "InverseTime",
    "Join",
    "Linear",
    "MultiStep",
    "OneCycle",
    "Point",
    "Polynomial",
    "Product",
    "Ramp",
    "Repeat",
    "Scale",
    "Schedule",
    "Shift",
    "Step",
    "WarmupStableDecay",
    "accepted",
    "area",
    "build",
    "clip",
    "cooldown",
    "diff",
    "dumps",
    "every",
    "extend",
    "fingerprint",
    "first_step_at_or_below",
    "from_spec",
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
    "to_spec",
    "unasked_jumps",
    "values",
]
