"""The public name of :mod:`runner.trainables.tasks`, which packages that register data sets import."""

from .trainables.tasks import CLASSIFICATION, LANGUAGE, QUADRATIC, REGRESSION, Task

__all__ = ["CLASSIFICATION", "LANGUAGE", "QUADRATIC", "REGRESSION", "Task"]
