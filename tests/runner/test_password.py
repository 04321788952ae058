"""A password in an address is refused, and not repeated in the refusal."""

import pytest

from runner.errors import ConfigError
from runner.settings.address import refuse_password


@pytest.mark.parametrize("uri", ["http://me:hunter2@tracking:5000", "postgresql://me:hunter2@db/mlflow"])
def test_a_password_in_an_address_is_refused(uri):
    with pytest.raises(ConfigError, match=r"tracking.uri must hold no password.*://\*\*\*@") as refused:
        refuse_password(uri)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "uri", ["http://[::1]:5000", "sqlite:///a:b@c.db", "postgresql://mlflow@db:5432/mlflow"]
)
def test_other_addresses_are_let_through(uri):
    refuse_password(uri)
