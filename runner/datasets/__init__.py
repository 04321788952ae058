"""The datasets: importing this package registers them."""

from . import digits

__all__ = ["digits"]
