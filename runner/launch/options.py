"""What plugins register, as options of the groups: ``plugins=[mine] dataset=my_csv`` needs no YAML file."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..settings.config import import_plugins
from ..settings.overrides import in_force, key_of, parse_one
from ..settings.packages import conf_folder


def register_options(words: Sequence[str]) -> None:
    """Import the plugins of a command line; make what is registered an option of its group.

    What has a YAML file, ours or one of ``hydra.searchpath``, keeps that.

    Raises:
        ConfigError: a plugin cannot be imported.
    """
    asked = [word for word in in_force(words) if key_of(word) == "plugins"]
    value = parse_one(asked[0]).value() if asked else None
    if not isinstance(value, list):
        return
    import_plugins([str(plugin) for plugin in value])
    import schedules

    from ..trainables.registries import DATASETS, MODELS, OPTIMIZERS

    store, folders = ConfigStore.instance(), _folders(words)
    for group, table in (("model", MODELS), ("dataset", DATASETS), ("optimizer", OPTIMIZERS)):
        for name in _without_file(table, group, folders):
            store.store(group=group, name=name, node=_node(name, table[name]), provider="plugins")
    for name in _without_file(schedules.names(), "schedule", folders):
        fields = {"name": name}
        if "peak_value" in getattr(schedules.get(name), "__dataclass_fields__", {}):
            fields["peak_value"] = "${optimizer.lr}"
        store.store(group="schedule", name=name, node={"lr": fields}, provider="plugins")


def _without_file(names: Iterable[str], group: str, folders: list[Path]) -> list[str]:
    return [name for name in names if not any((f / group / f"{name}.yaml").is_file() for f in folders)]


def _folders(words: Sequence[str]) -> list[Path]:
    """Return the folders of configs that the command line names, and ours."""
    found = [Path(conf_folder())]
    for word in in_force(words):
        value = parse_one(word).value() if key_of(word) == "hydra.searchpath" else None
        for place in map(str, value if isinstance(value, list) else []):
            kind, _, rest = place.rpartition("://")
            spec = importlib.util.find_spec(rest) if kind == "pkg" else None
            found += map(Path, (spec.submodule_search_locations or []) if spec else [rest])
    return found


def _node(name: str, cls: type) -> dict[str, Any]:
    """Return a name with the defaults of its fields; one without a default is left for the command line."""
    try:
        schema = OmegaConf.structured(cls)
        fields = {key: schema[key] for key in schema if not OmegaConf.is_missing(schema, key)}
        return {"name": name, **{str(key): value for key, value in fields.items()}}
    except OmegaConfBaseException:  # a class that says what is wrong with it when it is made
        return {"name": name}
