"""Ray's head as the stack runs it takes a job from nobody without the token."""

import urllib.error
from contextlib import suppress

import pytest

from ..runner.processes import wait_for
from .stack import stack
from .test_access import ask

pytestmark = [pytest.mark.slow, pytest.mark.soak]

JOB = {"entrypoint": "touch /tmp/harmed"}


def answers(address: str) -> bool:
    with suppress(urllib.error.URLError):
        return bool(ask(address, None, "/"))
    return False


def test_without_the_token_ray_gives_nothing():
    with stack() as served:
        served.up("ray-head")
        token = served.variables["RAY_AUTH_TOKEN"]
        for port in (8265, 52365):
            address = served.uri("ray-head", port)
            wait_for(lambda at=address: answers(at))
            paths = {("/api/jobs/", "GET"), ("/api/version", "GET"), ("/api/jobs/", "POST")}
            paths |= {("/nodes?view=summary", "GET"), ("/api/actors", "GET"), ("/metrics", "GET")}
            paths |= {("/api/job_agent/jobs/", "POST"), ("/api/v0/tasks", "GET"), ("/logs/", "GET")}
            for path, method in paths:
                body = JOB if method == "POST" else None
                status, text = ask(address, None, path, method, body)
                assert (status, text) == (401, "Unauthorized: Missing authentication token"), (port, path)
                wrong = {"Authorization": f"Bearer {'0' * len(token)}"}
                assert ask(address, None, path, method, body, **wrong)[0] == 403, (port, path)
        known = {"Authorization": f"Bearer {token}"}
        assert ask(served.uri("ray-head", 8265), None, "/api/jobs/", **known) == (200, "[]")
