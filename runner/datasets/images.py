"""Images on the device: bytes there, numbers in the batch, cropped and flipped at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..trainables.data import Augment, Data, Pair
from ..trainables.tasks import CLASSIFICATION


@dataclass(frozen=True, eq=False)
class Images:
    """Images kept as bytes: a batch has the channels' mean taken off and is divided by their deviation.

    Attributes:
        pixels: shape ``(examples, channels, height, width)``, uint8.
        targets: class numbers, shape ``(examples,)``, int64.
        mean: of each channel of the training images, shape ``(channels, 1, 1)``.
        deviation: likewise, the standard deviation.
    """

    pixels: Tensor
    targets: Tensor
    mean: Tensor
    deviation: Tensor
    streams = False

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.pixels.device

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image: ``(channels, height, width)``."""
        return tuple(self.pixels.shape[1:])

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, chosen: Tensor) -> Pair:
        """Return the images and classes numbered ``chosen``."""
        return (self.pixels[chosen] - self.mean) / self.deviation, self.targets[chosen]

    def to(self, device: torch.device) -> Images:
        """Return the same images on ``device``."""
        moved = {name: value.to(device) for name, value in vars(self).items()}
        return replace(self, **moved)


@dataclass(frozen=True)
class CropAndFlip:
    """Cut each image at a random place out of its zero-padded self, and mirror half of them.

    Attributes:
        padding: pixels on each side, of the channel's mean [>= 0].
        flip: whether left and right are exchanged for a half of the images.
    """

    padding: int
    flip: bool

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed images of the same shape ``(batch, channels, height, width)``."""
        batch, _, height, width = images.shape
        device = images.device
        if self.padding:
            shift = (2, batch, 1)
            top, left = torch.randint(2 * self.padding + 1, shift, generator=generator, device=device)
            rows = top + torch.arange(height, device=device)
            columns = left + torch.arange(width, device=device)
            padded = pad(images, [self.padding] * 4)
            which = torch.arange(batch, device=device)[:, None, None]
            images = padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        if self.flip:
            mirrored = torch.rand(batch, generator=generator, device=device) < 0.5
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        return images.contiguous()


def augmentation(crop_padding: int, flip: bool) -> Augment | None:
    """Return what changes a batch of images; ``None`` where nothing does."""
    return CropAndFlip(crop_padding, flip) if crop_padding or flip else None


def check_crop(crop_padding: int) -> None:
    """Raise ``ValueError`` where images cannot be padded so."""
    if crop_padding < 0:
        raise ValueError(f"crop_padding must be a whole number >= 0, got {crop_padding}")


def statistics(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return each channel's mean and standard deviation over uint8 images, shape ``(channels, 1, 1)``."""
    counted = torch.arange(256, dtype=torch.float64)
    means, deviations = [], []
    for channel in pixels.unbind(dim=1):
        parts = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
        mean = parts @ counted
        means.append(mean)
        deviations.append((parts @ (counted - mean) ** 2).sqrt())
    deviation = torch.stack(deviations)
    deviation[deviation == 0] = 1.0  # a channel of one value
    return torch.stack(means).float()[:, None, None], deviation.float()[:, None, None]


def labelled_images(
    train: Pair, val: Pair, num_classes: int, *, crop_padding: int = 0, flip: bool = False
) -> Data:
    """Return images for classification; each pair is uint8 pixels and int64 classes."""
    scale = statistics(train[0])
    return Data(
        train=Images(*train, *scale),
        val=Images(*val, *scale),
        task=CLASSIFICATION,
        num_outputs=num_classes,
        augment=augmentation(crop_padding, flip),
    )
