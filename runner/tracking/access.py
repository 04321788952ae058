"""An MLflow server that asks for an account: what it refuses, and why, in words that say what to do.

Name and password are MLflow's own to find. They are in no setting, since every setting is logged.
"""

from __future__ import annotations

import shlex
from typing import Any

from ..errors import ConfigError, reason_of
from ..settings.address import ACCOUNT


def refusal(error: Exception, uri: str, experiment: str) -> ConfigError | None:
    """Return what to tell a user whom a server refused; ``None`` where that is not what happened."""
    name, code = _user(), getattr(error, "error_code", None)
    if code == "UNAUTHENTICATED":
        return _unknown(uri)
    if code == "PERMISSION_DENIED":
        grant = shlex.join(["python", "-m", "runner", "users", "grant", name or "NAME", experiment, "EDIT"])
        return ConfigError(
            f"tracking.experiment must be one that {name!r} may write, got {experiment!r}; "
            f"an admin allows it: {grant}"
        )
    return None


def _unknown(uri: str) -> ConfigError:
    name = _user()
    who = f"{name!r} with that password" if name else "a user without a name"
    return ConfigError(
        f"tracking.uri must be a server that lets you in, got {uri!r}: it refused {who}; {ACCOUNT}"
    )


def _user() -> str | None:
    from mlflow.utils.credentials import read_mlflow_creds

    return read_mlflow_creds().username


def ask(uri: str, method: str, what: str, version: str = "2.0", **fields: str) -> Any:
    """Return a server's answer to one request of MLflow's REST API, as this process's user.

    Raises:
        ConfigError: it refuses.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    endpoint = f"/api/{version}/mlflow/{what}"
    body = {"params" if method == "GET" else "json": fields}
    try:
        answer = http_request(get_default_host_creds(uri), endpoint, method, **body)
        return verify_rest_response(answer, endpoint).json() if answer.content else {}
    except (MlflowException, OSError) as error:
        if getattr(error, "error_code", None) == "UNAUTHENTICATED":
            raise _unknown(uri) from error
        raise ConfigError(f"{uri} refused {what} to {_user()!r}: {reason_of(error)}") from error
