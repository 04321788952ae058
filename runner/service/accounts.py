"""``python -m runner users``: accounts and rights in an MLflow server with basic auth.

The server and who asks are MLflow's own: ``MLFLOW_TRACKING_URI``, and ``MLFLOW_TRACKING_USERNAME`` with
``MLFLOW_TRACKING_PASSWORD`` or the file ``~/.mlflow/credentials``. A password is never an argument: every
process of a machine can read those. Source: https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth/
"""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Callable
from typing import Any

from schedules.names import nearest

from ..commands.options import Parser
from ..errors import ConfigError
from ..tracking.access import ask

PERMISSIONS = ["READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS"]
SHORTEST = 12  # characters of a password: MLflow's rule


def main(arguments: list[str]) -> int:
    """Do what ``python -m runner users <arguments>`` asks; return the exit code 0.

    Raises:
        ConfigError: the server refuses, or a name, a permission or a password cannot be.
    """
    options = _parser().parse_args(arguments)
    do: Callable[[argparse.Namespace], None] = options.do
    do(options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("python -m runner users", description="Accounts of an MLflow server.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(do: Callable[[argparse.Namespace], None], name: str, what: str, *names: str) -> Any:
        made = commands.add_parser(name, help=what, description=what)
        made.set_defaults(do=do)
        for argument in names:
            made.add_argument(argument)
        return made

    command(_list, "list", "show the accounts and who is an admin")
    add = command(_add, "add", "make an account; its password is printed once", "name")
    add.add_argument(
        "--password-from", metavar="VARIABLE", help="take it from the environment, print nothing"
    )
    add.add_argument("--or-update", action="store_true", help="give an account that exists this password")
    command(_remove, "remove", "remove an account; its runs stay", "name")
    command(
        _grant, "grant", "say what an account may do with an experiment", "name", "experiment", "permission"
    )
    return parser


def _list(options: argparse.Namespace) -> None:
    for user in _ask("GET", "users/list")["users"]:
        print(f"{user['username']}{'  admin' if user['is_admin'] else ''}")


def _add(options: argparse.Namespace) -> None:
    given = options.password_from
    password = os.environ.get(given, "") if given else secrets.token_urlsafe(18)
    if len(password) < SHORTEST:
        raise ConfigError(f"{given} must be a password of {SHORTEST} characters or more, got {len(password)}")
    known = options.name in [user["username"] for user in _ask("GET", "users/list")["users"]]
    if known and not options.or_update:
        raise ConfigError(
            f"name must be a new one, got {options.name!r}; --or-update gives it a new password"
        )
    if known:
        _ask("PATCH", "users/update-password", username=options.name, password=password)
    else:
        _ask("POST", "users/create", username=options.name, password=password)
    print(f"{'updated' if known else 'made'} {options.name}" + ("" if given else f"; password: {password}"))


def _remove(options: argparse.Namespace) -> None:
    _known(options.name)
    _ask("DELETE", "users/delete", username=options.name)
    print(f"removed {options.name}")


def _grant(options: argparse.Namespace) -> None:
    if options.permission not in PERMISSIONS:
        raise ConfigError(
            f"permission must be one of {', '.join(PERMISSIONS)}, got {options.permission!r}; "
            f"{nearest(options.permission.upper(), PERMISSIONS)}"
        )
    _known(options.name)
    found = _ask("GET", "experiments/get-by-name", experiment_name=options.experiment)["experiment"]
    _ask(
        "POST",
        "users/permissions/grant",
        version="3.0",
        username=options.name,
        resource_type="experiment",
        resource_id=found["experiment_id"],
        permission=options.permission,
    )
    print(f"{options.name} has {options.permission} on {options.experiment}")


def _known(name: str) -> None:
    """Raise where there is no such account."""
    names = [user["username"] for user in _ask("GET", "users/list")["users"]]
    if name not in names:
        raise ConfigError(f"there is no account {name!r}; {nearest(name, names)}")


def _ask(method: str, what: str, version: str = "2.0", **fields: str) -> Any:
    """Return the answer of the server that the environment names."""
    from ..tracking.store import unreachable_reason  # here: --help does not wait for mlflow

    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith(("http://", "https://")):
        raise ConfigError(f"MLFLOW_TRACKING_URI must be the address of an MLflow server, got {uri!r}")
    if (reason := unreachable_reason(uri)) is not None:
        raise ConfigError(f"MLFLOW_TRACKING_URI must be a server that answers, got {uri!r}: {reason}")
    return ask(uri, method, what, version, **fields)
