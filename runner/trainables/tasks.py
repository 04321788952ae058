"""What a model is asked to do: the loss it is trained on, and what its outputs are judged by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

Mean = Callable[[Tensor, Tensor], Tensor]
"""Takes outputs and targets of a batch; returns one number, a mean over its examples."""

Each = Callable[[Tensor, Tensor], Tensor]
"""Takes outputs and targets of a batch; returns one number for each of its examples."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """The loss of a kind of data, and its other figures. A plugin's dataset may bring one of its own.

    Attributes:
        name: the kind of data: what models that fit it look at.
        loss: the mean loss of a batch; it is differentiated.
        each: the loss of each example, shape ``(batch,)``, whose mean is ``loss``; ``None`` where it is not
            known. With it a comparison can tell what another validation set might change.
        means: other figures that are means over examples, by name.
        of_loss: figures worked out from the mean loss of all examples, by name.
    """

    name: str
    loss: Mean
    each: Each | None = None
    means: Mapping[str, Mean] = field(default_factory=dict)
    of_loss: Mapping[str, Callable[[float], float]] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """The names of the figures besides the loss, in their order."""
        return [*self.means, *self.of_loss]


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Part of the targets ``(batch,)`` whose class has the highest score in ``(batch, classes)``."""
    return (outputs.argmax(dim=-1) == targets).double().mean()


def token_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy per token [nats] of scores ``(batch, context, vocabulary)``."""
    return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


def cross_entropy_of_each(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each example [nats] of scores ``(batch, classes)``."""
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


def token_cross_entropy_of_each(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy per token [nats] of each window, of scores ``(batch, context, vocabulary)``."""
    of_tokens = nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    return of_tokens.view(targets.shape).mean(dim=1)


def squared_error_of_each(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared difference of each example, of numbers ``(batch, outputs)``."""
    return (outputs - targets).square().flatten(1).mean(dim=1)


def own_loss_of_each(outputs: Tensor, targets: Tensor) -> Tensor:
    """Outputs that are losses already; the targets say nothing."""
    return outputs


def perplexity(loss: float) -> float:
    """Return ``e^loss``: among how many equally likely tokens the model is in doubt."""
    return math.exp(loss) if loss < 700.0 else math.inf


def own_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of outputs that are losses already; the targets say nothing."""
    return outputs.mean()


CLASSIFICATION = Task(
    name="classification",
    loss=nn.functional.cross_entropy,
    each=cross_entropy_of_each,
    means={"accuracy": accuracy},
)
"""Scores ``(batch, classes)``, targets ``(batch,)`` int64."""

LANGUAGE = Task(
    name="language",
    loss=token_cross_entropy,
    each=token_cross_entropy_of_each,
    of_loss={"perplexity": perplexity},
)
"""Scores ``(batch, context, vocabulary)`` for each next token, targets ``(batch, context)`` int64."""

REGRESSION = Task(name="regression", loss=nn.functional.mse_loss, each=squared_error_of_each)
"""Numbers ``(batch, outputs)``, targets alike; the loss is their mean squared difference."""

QUADRATIC = Task(name="quadratic", loss=own_loss, each=own_loss_of_each)
"""Losses ``(batch,)`` that the model works out itself."""
