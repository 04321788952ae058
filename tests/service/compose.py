"""What an engine makes of ``docker/compose.yaml``: its variables filled in, its services in order."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker" / "compose.yaml"

# Of an engine alone: images, rights, limits. What a process of this machine has none of.
ENGINE_ONLY = {
    "build", "cap_add", "cap_drop", "init", "logging", "mem_limit", "profiles", "pull_policy", "read_only",
    "security_opt", "shm_size", "tmpfs", "ports",
}  # fmt: skip
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?:(?P<sign>:-|:\?)(?P<word>[^}]*))?\})")


def make_env(file: Path) -> dict[str, str]:
    """Write an ``.env`` with ``make env``, and read it."""
    subprocess.run(["make", "--silent", "env", f"ENV_FILE={file}"], cwd=ROOT, check=True, capture_output=True)
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def interpolate(value: Any, variables: dict[str, str]) -> Any:
    """Fill in ``${A}``, ``${A:-default}``, ``${A:?message}`` and ``$$``, in every text below ``value``.

    Raises:
        KeyError: a variable that must be set is not; its message is the file's.
    """

    def filled(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        known = variables.get(match["name"], "")
        if not known and match["sign"] == ":?":
            raise KeyError(f"{match['name']}: {match['word']}")
        return known or (match["word"] if match["sign"] == ":-" else "") or ""

    if isinstance(value, str):
        return VARIABLE.sub(filled, value)
    if isinstance(value, list):
        return [interpolate(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: interpolate(item, variables) for key, item in value.items()}
    return value


@dataclass(frozen=True)
class Service:
    """One service, as far as a process on this machine can be it."""

    name: str
    image: str
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    user: str | None = None
    working_dir: str = "/tmp"
    environment: dict[str, str] = field(default_factory=dict)
    expose: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    depends_on: dict[str, dict[str, str]] = field(default_factory=dict)
    healthcheck: dict[str, Any] = field(default_factory=dict)
    deploy: dict[str, Any] = field(default_factory=dict)
    restart: str = "no"
    stop_signal: str = "SIGTERM"
    stop_grace_period: str = "10s"

    @property
    def settled(self) -> str:
        """The condition that ends the wait for it."""
        if self.healthcheck:
            return "service_healthy"
        return "service_started" if self.restart == "unless-stopped" else "service_completed_successfully"

    @property
    def replicas(self) -> int:
        return int(self.deploy.get("replicas", 1))


def read(variables: dict[str, str], file: Path = FILE) -> dict[str, Service]:
    """Return the services of the file. A key that is neither known nor an engine's alone is an error."""
    whole = interpolate(yaml.safe_load(file.read_text()), variables)
    services = {}
    for name, keys in whole["services"].items():
        kept = {key: value for key, value in keys.items() if key not in ENGINE_ONLY}
        given = kept.get("environment", {}).items()
        kept["environment"] = {
            key: str(variables[key] if value is None else value)
            for key, value in given
            if value is not None or key in variables
        }
        services[name] = Service(name=name, **kept)
    return services


def needed(services: dict[str, Service], names: tuple[str, ...]) -> Iterator[str]:
    """Yield the named services and all they depend on, each after what it depends on."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name not in seen:
            seen.add(name)
            for other in services[name].depends_on:
                yield from visit(other)
            yield name

    for name in names:
        yield from visit(name)
