"""The datasets: importing this package registers them."""

from . import cifar, diabetes, digits, hf, idx, mnist5k, noise, text, tokens

__all__ = ["cifar", "diabetes", "digits", "hf", "idx", "mnist5k", "noise", "text", "tokens"]
