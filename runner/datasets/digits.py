"""scikit-learn's handwritten digits: 1797 real images of 8 x 8 pixels, shipped inside the package."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..data import Data
from ..registries import dataset


@dataset("digits")
@dataclass(frozen=True, kw_only=True)
class Digits:
    """Ten classes of 8 x 8 grey images, pixels in [0, 1].

    Attributes:
        val_fraction: part held out for validation [0 < x < 1], equally from each class.
        split_seed: which part; not the run's seed, so that every run is judged on the same images.

    Source:
        UCI ML hand-written digits (Alpaydin & Kaynak 1998); ``sklearn.datasets.load_digits``.
    """

    val_fraction: float = 0.2
    split_seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.val_fraction < 1.0:
            raise ValueError(f"val_fraction must be a number > 0 and < 1, got {self.val_fraction}")

    def load(self) -> Data:
        """Return inputs of shape ``(examples, 1, 8, 8)`` and their classes."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, classes = load_digits(return_X_y=True)
        split = train_test_split(
            images / 16.0,
            classes,
            test_size=self.val_fraction,
            random_state=self.split_seed,
            stratify=classes,
        )
        train_x, val_x, train_y, val_y = split
        return Data(
            train_inputs=torch.tensor(train_x, dtype=torch.float32).reshape(-1, 1, 8, 8),
            train_targets=torch.tensor(train_y, dtype=torch.int64),
            val_inputs=torch.tensor(val_x, dtype=torch.float32).reshape(-1, 1, 8, 8),
            val_targets=torch.tensor(val_y, dtype=torch.int64),
            num_classes=10,
        )
