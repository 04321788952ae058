"""scikit-learn's diabetes study: ten measurements of 442 patients, shipped inside the package."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..trainables.data import Data, Tensors
from ..trainables.registries import dataset
from ..trainables.tasks import REGRESSION


@dataset("diabetes")
@dataclass(frozen=True, kw_only=True)
class Diabetes:
    """Regression: how far the disease has gone a year later. Inputs and targets have mean 0 and variance 1.

    Attributes:
        val_fraction: part held out for validation [0 < x < 1].
        split_seed: which part; not the run's seed, so that every run is judged on the same patients.

    Source:
        Efron et al. 2004, Least Angle Regression; ``sklearn.datasets.load_diabetes``.
    """

    val_fraction: float = 0.2
    split_seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.val_fraction < 1.0:
            raise ValueError(f"val_fraction must be a number > 0 and < 1, got {self.val_fraction}")

    def load(self) -> Data:
        """Return inputs of shape ``(examples, 10)`` and targets of shape ``(examples, 1)``."""
        from sklearn.datasets import load_diabetes
        from sklearn.model_selection import train_test_split

        inputs, targets = load_diabetes(return_X_y=True, scaled=False)
        split = train_test_split(
            inputs, targets[:, None], test_size=self.val_fraction, random_state=self.split_seed
        )
        train_x, val_x, train_y, val_y = (torch.from_numpy(part) for part in split)
        x_mean, x_deviation = train_x.mean(dim=0), train_x.std(dim=0)
        y_mean, y_deviation = train_y.mean(dim=0), train_y.std(dim=0)
        train, val = (
            Tensors(((x - x_mean) / x_deviation).float(), ((y - y_mean) / y_deviation).float())
            for x, y in ((train_x, train_y), (val_x, val_y))
        )
        return Data(train=train, val=val, task=REGRESSION, num_outputs=1)
