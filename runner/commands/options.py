"""The options of a command, with complaints that are the program's own."""

from __future__ import annotations

import argparse
from typing import NoReturn

from ..errors import ConfigError


class Parser(argparse.ArgumentParser):
    """A parser that raises :class:`ConfigError` for what it cannot read."""

    def error(self, message: str) -> NoReturn:
        """Raise it, and name the help."""
        raise ConfigError(f"{message}; {self.prog} --help lists what there is")
