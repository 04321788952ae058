"""Schedule Lab's experiment runner: compose a config, train, and log every step."""

__version__ = "0.1.0"
