"""The models: importing this package registers them."""

from . import cnn, gpt, linear, mlp, quadratic, resnet, vgg, vit

__all__ = ["cnn", "gpt", "linear", "mlp", "quadratic", "resnet", "vgg", "vit"]
