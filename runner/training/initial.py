"""Weights from another run, to start from."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from schedules.names import nearest

from ..errors import ConfigError, reason_of
from ..record.directory import locate

MOST_NAMED = 4  # names in one message


def initialise(model: nn.Module, source: str, patterns: Iterable[str] = ()) -> None:
    """Put another run's weights into ``model``; what the patterns name stays as it is.

    Args:
        model: what to start.
        source: a checkpoint file, a run's directory, or its MLflow id.
        patterns: names of parameters and buffers, as for file names; a name stands for all below it too.

    Raises:
        ConfigError: there is no such run, or its weights are not those of this model.
    """
    file = _file(source)
    given = _weights(file)
    own = model.state_dict()
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in [*own, *given]):
            heads = sorted({name.rpartition(".")[0] or name for name in own})
            raise ConfigError(
                f"trainer.init_except must name parameters of the model, got {pattern!r}; "
                f"{nearest(pattern, heads)}"
            )
    given, wanted = _without(given, patterns), _without(own, patterns)
    if differences := _differences(given, wanted):
        raise ConfigError(
            f"trainer.init_from must hold the weights of this model, got {file}: {'; '.join(differences)}; "
            "what is to keep its fresh values, trainer.init_except names"
        )
    model.load_state_dict(given, strict=False)


def _file(source: str) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    file = locate(source, "trainer.init_from").checkpoint
    if not file.exists():
        raise ConfigError(f"trainer.init_from must be a run with a checkpoint, got {source!r}")
    return file


def _weights(file: Path) -> dict[str, Tensor]:
    """Return a checkpoint's weights: the averaged ones where it has them."""
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        averaged = state.get("averaged")
        if averaged is not None:
            return {
                name.removeprefix("module."): value
                for name, value in averaged.items()
                if name != "n_averaged"
            }
        return dict(state["model"])
    except (RuntimeError, OSError, EOFError, ValueError, LookupError, AttributeError) as error:
        raise ConfigError(
            f"trainer.init_from must be a checkpoint, got {file}: {reason_of(error)}"
        ) from error
    except pickle.UnpicklingError as error:
        raise ConfigError(f"trainer.init_from must be a checkpoint, got {file}: not one of ours") from error


def _differences(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """Say in what some weights are not those that are wanted."""
    said = []
    shapes = [
        f"{name} has shape {tuple(given[name].shape)} and not {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in given and given[name].shape != value.shape
    ]
    if shapes:
        said.append(_some(shapes))
    if missing := [name for name in wanted if name not in given]:
        said.append(f"it lacks {_some(missing)}")
    if unknown := [name for name in given if name not in wanted]:
        said.append(f"the model has no {_some(unknown)}")
    return said


def _some(items: list[str]) -> str:
    more = len(items) - MOST_NAMED
    return ", ".join(items[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _without(weights: Mapping[str, Tensor], patterns: Iterable[str]) -> dict[str, Tensor]:
    return {
        name: value
        for name, value in weights.items()
        if not any(_matches(name, pattern) for pattern in patterns)
    }


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")
