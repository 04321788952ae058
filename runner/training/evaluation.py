"""How a model does on data that it never trains on."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn

from ..trainables.data import Examples
from ..trainables.tasks import Task
from .ranks import ALONE, Ranks


@dataclass
class Evaluation:
    """The loss and the other figures of a model on the validation data, after ``step`` updates.

    Attributes:
        step: updates made.
        loss: mean over the examples.
        metrics: the task's other figures, by name: ``accuracy`` for classification.
        losses: of each example, shape ``(examples,)``, on the device; where several processes evaluate
            together, 0 for those of others. ``None`` where they were not asked for or the task has none.
    """

    step: int
    loss: float
    metrics: dict[str, float] = field(default_factory=dict)
    losses: torch.Tensor | None = None


def evaluate(
    model: nn.Module,
    examples: Examples,
    task: Task,
    step: int,
    *,
    device: torch.device,
    batch_size: int,
    ranks: Ranks = ALONE,
    of_each: bool = False,
) -> Evaluation:
    """Return the task's loss and metrics over all examples, in evaluation mode and without gradients.

    The model is in training mode afterwards. ``batch_size`` is how many examples it sees at once;
    ``of_each`` asks for the loss of each example, too.
    """
    each = task.each if of_each else None
    losses = torch.zeros(len(examples) if each else 0, dtype=torch.float64, device=device)
    model.eval()
    totals = torch.zeros(1 + len(task.means), dtype=torch.float64, device=device)
    with torch.no_grad():
        for chosen in torch.arange(len(examples), device=examples.device).split(batch_size * ranks.count):
            mine = chosen.tensor_split(ranks.count)[ranks.rank]
            some = mine if len(mine) else chosen[:1]  # sharded models compute in step: each takes its turn
            inputs, targets = (each.to(device) for each in examples.take(some))
            outputs = model(inputs)
            means = [mean(outputs, targets).double() for mean in (task.loss, *task.means.values())]
            totals += torch.stack(means) * len(mine)
            if each is not None and len(mine):
                losses[mine.to(device)] = each(outputs, targets).double()
    model.train()
    loss, *others = (ranks.sum(totals) / len(examples)).tolist()
    metrics = dict(zip(task.means, others, strict=True))
    metrics |= {name: of(loss) for name, of in task.of_loss.items()}
    return Evaluation(step, loss, metrics, losses if each else None)
