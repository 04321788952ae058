"""scikit-learn's handwritten digits: 1797 real images of 8 x 8 pixels, shipped inside the package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..trainables.data import Data, Tensors
from ..trainables.registries import dataset
from ..trainables.tasks import CLASSIFICATION


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
            train=_tensors(train_x, train_y),
            val=_tensors(val_x, val_y),
            task=CLASSIFICATION,
            num_outputs=10,
        )


def _tensors(pixels: NDArray[np.float64], classes: NDArray[np.int64]) -> Tensors:
    inputs = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8)
    return Tensors(inputs, torch.tensor(classes, dtype=torch.int64))
