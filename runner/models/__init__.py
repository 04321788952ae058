"""The models: importing this package registers them."""

from . import cnn, mlp

__all__ = ["cnn", "mlp"]
