"""Any dataset of the Hugging Face library ``datasets``, from its hub or from local files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from schedules.names import nearest

from ..extras import extra
from ..trainables.data import Data, Examples, Pair, Tensors
from ..trainables.registries import dataset
from ..trainables.tasks import CLASSIFICATION, REGRESSION
from .images import Images, augmentation, check_crop, statistics
from .text import tokenized
from .windows import Windows, check_context, language

MEASURED = 10_000
"""Images, the first ones, over which the channels' mean and deviation are taken."""


@dataset("hf")
@dataclass(frozen=True, kw_only=True)
class HuggingFace:
    """A column of inputs and one of targets; what they are says the task.

    Images are classified; lists of numbers are classified where the target is a whole number, else regressed;
    text without a target is modelled byte by byte.

    Attributes:
        path: a name on https://huggingface.co/datasets, a local folder, or a file type as ``parquet``.
        config: the configuration of the dataset, where it has several.
        files: with a file type, each split's files: ``{train: a.parquet, test: b.parquet}``.
        train_split: what to train on.
        val_split: what to be judged on.
        input: the column of inputs, or a list of columns of numbers, which stand side by side.
        target: the column of targets; ``null`` for text.
        size: height and width that images are scaled to [pixels, >= 1]; ``null`` leaves them.
        stream: read images batch by batch; ``false`` puts all on the device first.
        crop_padding: pixels by which training images are moved at random [>= 0].
        flip: whether half of the training images are mirrored.
        context: tokens in a window of text [>= 1].
    """

    path: str
    config: str | None = None
    files: dict[str, str] | None = None
    train_split: str = "train"
    val_split: str = "test"
    input: Any = "image"  # a text, or a list of them, which omegaconf has no type for
    target: str | None = "label"
    size: int | None = None
    stream: bool = False
    crop_padding: int = 0
    flip: bool = False
    context: int = 256

    def __post_init__(self) -> None:
        check_crop(self.crop_padding)
        check_context(self.context)
        if self.size is not None and self.size < 1:
            raise ValueError(f"size must be a whole number >= 1, got {self.size}")
        if not self.columns or not all(isinstance(column, str) for column in self.columns):
            raise ValueError(f"input must be a column, or a list of columns, got {self.input!r}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of inputs."""
        return tuple(self.input) if isinstance(self.input, list) else (self.input,)

    def load(self) -> Data:
        """Return the two splits: images, rows of numbers, or windows of text."""
        train, val = self._splits()
        kinds = extra("datasets", "hf")
        features = train.features
        for column in (*self.columns, self.target):
            if column is not None and column not in features:
                raise ValueError(f"{self.path} has no column {column!r}; {nearest(column, list(features))}")
        first = self.columns[0]
        if len(self.columns) > 1:
            for column in self.columns:
                if isinstance(features[column], kinds.Image) or _is_text(features[column]):
                    raise ValueError(
                        f"input must be columns of numbers where it lists several, got {column!r}"
                    )
        elif isinstance(features[first], kinds.Image) and self.target is not None:
            return self._images(train, val, first, self.target)
        elif _is_text(features[first]):
            return self._text(train, val, first)
        if self.target is None:
            raise ValueError("target must be a column where the inputs are not text, got null")
        return self._numbers(train, val, self.target)

    def _splits(self) -> tuple[Any, Any]:
        library = extra("datasets", "hf")
        try:
            loaded = library.load_dataset(self.path, self.config, data_files=self.files)
        except (OSError, library.exceptions.DatasetsError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"path must be a dataset that can be read, got {self.path!r}: {reason}"
            ) from error
        for field in ("train_split", "val_split"):
            if (split := getattr(self, field)) not in loaded:
                raise ValueError(f"{field} must be a split, got {split!r}; {nearest(split, list(loaded))}")
        return loaded[self.train_split], loaded[self.val_split]

    def _images(self, train: Any, val: Any, image: str, target: str) -> Data:
        rows = [ImageRows(split, image, target, self.size) for split in (train, val)]
        classes = _num_classes(train, val, target)
        scale = statistics(rows[0].pixels(np.arange(min(len(train), MEASURED))))
        held: list[Examples] = []
        for split in rows:
            split.scale = scale
            if self.stream:
                held.append(split)
            else:
                everything = np.arange(len(split))
                held.append(Images(split.pixels(everything), split.classes(everything), *scale))
        return Data(
            train=held[0],
            val=held[1],
            task=CLASSIFICATION,
            num_outputs=classes,
            augment=augmentation(self.crop_padding, self.flip),
        )

    def _numbers(self, train: Any, val: Any, target: str) -> Data:
        whole = "int" in str(getattr(train.features[target], "dtype", "")) or hasattr(
            train.features[target], "names"
        )
        held = []
        for split in (train, val):
            rows = split.with_format("numpy")
            parts = [np.asarray(rows[column][:], dtype=np.float32) for column in self.columns]
            inputs = torch.tensor(np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1))
            targets = torch.tensor(np.asarray(rows[target][:]))
            targets = targets.long() if whole else targets.float().reshape(len(targets), -1)
            held.append(Tensors(inputs, targets))
        if whole:
            classes = _num_classes(train, val, target)
            return Data(train=held[0], val=held[1], task=CLASSIFICATION, num_outputs=classes)
        outputs = held[0].targets.shape[1]
        return Data(train=held[0], val=held[1], task=REGRESSION, num_outputs=outputs)

    def _text(self, train: Any, val: Any, text: str) -> Data:
        held, judged = (
            Windows(tokenized("\n\n".join(split[text][:]), "byte")[0], self.context) for split in (train, val)
        )
        return language(held, judged, vocab_size=256)


class ImageRows:
    """Images that are decoded when a batch needs them.

    Args:
        rows: the split.
        image: its column of images.
        target: its column of class numbers.
        size: height and width that they are scaled to; ``None`` leaves them.
    """

    streams = True
    device = torch.device("cpu")

    def __init__(self, rows: Any, image: str, target: str, size: int | None) -> None:
        self._rows, self._image, self._target, self._size = rows, image, target, size
        self.scale = (torch.zeros(1), torch.ones(1))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the first image: ``(channels, height, width)``."""
        return tuple(self.pixels(np.arange(1)).shape[1:])

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, chosen: Tensor) -> Pair:
        """Return the images and classes numbered ``chosen``."""
        mean, deviation = self.scale
        numbers = chosen.numpy()
        return (self.pixels(numbers) - mean) / deviation, self.classes(numbers)

    def to(self, device: torch.device) -> ImageRows:
        """Return itself: batches go to the device one by one."""
        return self

    def classes(self, numbers: np.ndarray[Any, Any]) -> Tensor:
        """Return the class of each numbered row."""
        return torch.tensor(self._rows.select_columns(self._target)[numbers][self._target])

    def pixels(self, numbers: np.ndarray[Any, Any]) -> Tensor:
        """Return the numbered images as bytes, shape ``(count, channels, height, width)``."""
        images = [self._array(image) for image in self._rows[numbers][self._image]]
        shapes = {image.shape for image in images}
        if len(shapes) > 1:
            some = ", ".join(map(str, sorted(shapes)[:3]))
            raise ValueError(f"size must be given where images differ in shape: {some}, ...")
        return torch.from_numpy(np.stack(images))

    def _array(self, image: Any) -> np.ndarray[Any, Any]:
        grey = image.mode in ("1", "L", "I", "I;16", "F")
        image = image.convert("L" if grey else "RGB")
        if self._size is not None:
            image = image.resize((self._size, self._size))
        pixels = np.asarray(image)
        return pixels[None] if grey else np.moveaxis(pixels, -1, 0)


def _is_text(feature: Any) -> bool:
    return getattr(feature, "dtype", None) in ("string", "large_string")


def _num_classes(train: Any, val: Any, target: str) -> int:
    """Return how many classes there are: as many as have names, else up to the highest number."""
    names = getattr(train.features[target], "names", None)
    return len(names) if names else 1 + max(max(train[target][:]), max(val[target][:]))
