"""Images in the IDX format of MNIST, from a local folder."""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..trainables.data import Data, Pair
from ..trainables.registries import dataset
from .files import found
from .images import check_crop, labelled_images

SOURCE = "https://ossci-datasets.s3.amazonaws.com/mnist/ (or a data set of the same form, as Fashion-MNIST)"
BYTES = 0x08
"""The format's code for unsigned bytes, the only type that image sets use."""


@dataset("idx")
@dataclass(frozen=True, kw_only=True)
class Idx:
    """Grey images and their classes: ``train-images-idx3-ubyte``, ``t10k-labels-idx1-ubyte`` and so on.

    Files may be compressed (``.gz``), and have a dot for the second dash.

    Attributes:
        folder: where the four files are.
        train: what the names of the training files begin with.
        val: likewise of those for validation.
        crop_padding: pixels by which training images are moved at random [>= 0].
        flip: whether half of the training images are mirrored.

    Source:
        http://yann.lecun.com/exdb/mnist: big-endian; two zero bytes, a type, the number of dimensions, each
        dimension's length as int32, the numbers.
    """

    folder: str = "data/mnist"
    train: str = "train"
    val: str = "t10k"
    crop_padding: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        check_crop(self.crop_padding)

    def load(self) -> Data:
        """Return images of shape ``(examples, 1, height, width)`` and their classes."""
        train, val = self._pair(self.train), self._pair(self.val)
        if train[0].shape[1:] != val[0].shape[1:]:
            shapes = f"{tuple(train[0].shape[1:])} and {tuple(val[0].shape[1:])}"
            raise ValueError(f"train and val must hold images of one shape, got {shapes}")
        classes = 1 + int(max(train[1].max(), val[1].max()))
        return labelled_images(train, val, classes, crop_padding=self.crop_padding, flip=self.flip)

    def _pair(self, beginning: str) -> Pair:
        images = read(self._file(f"{beginning}-images", 3))
        classes = read(self._file(f"{beginning}-labels", 1))
        if len(images) != len(classes):
            raise ValueError(f"{beginning} must have a class for each image, got {len(classes)}")
        return images[:, None], classes.to(torch.int64)

    def _file(self, beginning: str, dimensions: int) -> Path:
        names = [f"{beginning}{dash}idx{dimensions}-ubyte" for dash in "-."]
        return found(Path(self.folder), [f"{name}{end}" for name in names for end in ("", ".gz")], SOURCE)


def read(path: Path) -> Tensor:
    """Return the bytes of an IDX file in the shape that it says.

    Raises:
        ValueError: the file has another form, or another length than it says.
    """
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        content = bytearray(file.read())
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != BYTES:
        raise ValueError(f"{path} must be an IDX file of bytes, got one that begins {bytes(content[:4])!r}")
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    if len(content) - start != math.prod(shape):
        raise ValueError(f"{path} must hold {math.prod(shape)} numbers, got {len(content) - start}")
    return torch.frombuffer(content, dtype=torch.uint8, offset=start).reshape(shape)
