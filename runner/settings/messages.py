"""Hydra's and OmegaConf's exceptions in one line that says what to change."""

from __future__ import annotations

import errno
import re

from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from ..errors import ConfigError, Diverged, JobFailed


def explain(error: Exception) -> str | None:
    """Return what the user should know of ``error``; ``None`` when it is no mistake of theirs."""
    if isinstance(error, (ConfigError, Diverged, JobFailed)):
        return str(error)
    if is_full(error):
        return f"{error}; make room, then go on with: python -m runner resume=DIR"
    if (
        unrepeatable := re.match(r"(\S+) does not have a deterministic implementation", str(error))
    ) is not None:
        return f"trainer.deterministic must be false on this device for a model that needs {unrepeatable[1]}"
    cause = error.__cause__ or error
    if isinstance(cause, ConfigError):  # of our launcher or sweeper, which Hydra makes
        return str(cause)
    if isinstance(error, MissingConfigException):
        return _no_such_option(error)
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)):
        return _no_such_key(cause)
    if isinstance(cause, OmegaConfBaseException):
        text = str(cause.msg or cause).splitlines()[0]
        return f"{cause.full_key}: {text}" if cause.full_key else text
    if "Ambiguous value for argument" in str(error):
        asked = re.search(r"argument '(.*?)'", str(error))
        return f"{asked[1] if asked else 'an argument'} names several values: add -m to train each of them"
    if isinstance(error, (PermissionError, FileNotFoundError, NotADirectoryError, IsADirectoryError)):
        return f"{error.strerror}: {error.filename}"
    if isinstance(error, ValueError) and "configure handler" in str(error) and isinstance(cause, OSError):
        return f"hydra.job.name must be a file's name, got one that leads to {cause.filename}"
    if isinstance(error, HydraException):
        return " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return None


def is_full(error: BaseException) -> bool:
    """Whether a disk, a quota or a file-size limit is what failed."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _no_such_option(error: MissingConfigException) -> str:
    """``schedule=cosin``: name the group, and the option that was probably meant."""
    asked = (error.missing_cfg_file or "").removesuffix(".yaml")
    group, _, name = asked.rpartition("/")
    if not group or not error.options:
        return " ".join(str(error).split())
    return f"no {group} is named {name!r}; {_nearest(name, sorted(error.options))}"


def _no_such_key(error: OmegaConfBaseException) -> str:
    """``trainer.epocs=3``: name the key, and the one that was probably meant."""
    parent = error.parent_node
    known = [str(key) for key in parent] if isinstance(parent, DictConfig) else []
    name = str(error.key)
    where = re.sub(r"\.?[^.]*$", "", str(error.full_key or name))
    place = f" in {where}" if where else ""
    hint = f"; {_nearest(name, known)}" if known else ""
    return f"there is no setting {name!r}{place}{hint}"


def _nearest(name: str, known: list[str]) -> str:
    from schedules.names import nearest  # here, so that --help doesn't wait for numpy

    return nearest(name, known)
