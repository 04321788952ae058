"""Records of other frameworks' loops: ``RecordLogger`` for Lightning, ``RecordCallback`` for Transformers.

Neither framework is imported before its class is asked for::

    from runner.integrations import RecordLogger  # imports lightning
    from runner.integrations import RecordCallback  # imports transformers
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

__all__ = ["RecordCallback", "RecordLogger"]


@functools.cache
def _made(name: str) -> type:
    if name == "RecordLogger":
        from .of_lightning import LightningRecord, lightning

        return type(name, (LightningRecord, lightning("loggers.logger").Logger), {"__module__": __name__})
    from .of_transformers import TransformersRecord

    base = import_module("transformers").TrainerCallback
    return type(name, (TransformersRecord, base), {"__module__": __name__})


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _made(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
