"""CIFAR-10 and CIFAR-100 in their published binary form, from a local folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..trainables.data import Data, Pair
from ..trainables.registries import dataset
from .files import found
from .images import check_crop, labelled_images

PIXELS = 3 * 32 * 32
FOLDERS = {10: "data/cifar-10-batches-bin", 100: "data/cifar-100-binary"}
TRAIN = {10: [f"data_batch_{number}.bin" for number in range(1, 6)], 100: ["train.bin"]}
VAL = {10: "test_batch.bin", 100: "test.bin"}


@dataset("cifar")
@dataclass(frozen=True, kw_only=True)
class Cifar:
    """50,000 training and 10,000 validation images of 32 x 32 pixels in colour.

    Attributes:
        classes: 10, or 100 (the fine ones).
        folder: where the ``.bin`` files are; ``null`` is ``data/`` and the archive's own folder.
        crop_padding: pixels by which training images are moved at random [>= 0].
        flip: whether half of the training images are mirrored.

    Source:
        Krizhevsky 2009; https://www.cs.toronto.edu/~kriz/cifar.html: a record is one label byte (of 100
        classes: the coarse, then the fine one), then 1024 red, 1024 green and 1024 blue bytes.
    """

    classes: int = 10
    folder: str | None = None
    crop_padding: int = 4
    flip: bool = True

    def __post_init__(self) -> None:
        if self.classes not in FOLDERS:
            raise ValueError(f"classes must be 10 or 100, got {self.classes}")
        check_crop(self.crop_padding)

    def load(self) -> Data:
        """Return images of shape ``(examples, 3, 32, 32)`` and their classes."""
        parts = [self._read(name) for name in TRAIN[self.classes]]
        images, classes = (torch.cat(column) for column in zip(*parts, strict=True))
        return labelled_images(
            (images, classes),
            self._read(VAL[self.classes]),
            self.classes,
            crop_padding=self.crop_padding,
            flip=self.flip,
        )

    def _read(self, name: str) -> Pair:
        folder = Path(self.folder or FOLDERS[self.classes])
        path = found(folder, [name], f"https://www.cs.toronto.edu/~kriz/cifar-{self.classes}-binary.tar.gz")
        labels = 1 if self.classes == 10 else 2
        content = np.fromfile(path, dtype=np.uint8)
        if not len(content) or len(content) % (labels + PIXELS):
            raise ValueError(f"{path} must hold records of {labels + PIXELS} bytes, got {len(content)} bytes")
        records = content.reshape(-1, labels + PIXELS)
        classes = torch.from_numpy(records[:, labels - 1].astype(np.int64))
        if int(classes.max()) >= self.classes:
            raise ValueError(f"{path} must hold classes < {self.classes}, got {int(classes.max())}")
        pixels = np.ascontiguousarray(records[:, labels:])
        return torch.from_numpy(pixels).reshape(-1, 3, 32, 32), classes
