"""The settings of the trainer: what they mean, and which of them fit together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from ..errors import ConfigError
from .overrides import given
from .rules import NotNegative, Positive, Rule, Whole, setting, settle

BUDGETS = ("epochs", "steps", "tokens")
DEFAULT_EPOCHS = 20
PRECISIONS = ("fp32", "bf16", "fp16")
PARALLELS = ("ddp", "fsdp")


@dataclass
class TrainerSettings:
    """How to train.

    The budget is one of ``epochs``, ``steps`` and ``tokens`` (default 20 epochs). An update that fp16 skips
    is no step: the schedule's clock and every budget count updates that were made.

    Attributes:
        epochs: budget in passes over the training data [>= 1].
        steps: budget in optimizer updates [>= 1].
        tokens: budget in training tokens [>= 1], rounded down to whole updates; for data made of tokens.
        batch_size: examples in each update, over all micro-batches and all processes [>= 1].
        accumulate: micro-batches that the batch of a process is computed in, one after the other; divides
            ``batch_size`` [>= 1]. The update is that of the whole batch, up to rounding; batch norm sees
            micro-batches.
        precision: ``fp32``; or ``bf16`` or ``fp16`` for the operations that torch's autocast computes in
            it, weights and optimizer staying in fp32. fp16 scales the loss: where a gradient overflows the
            update is skipped, counted (``skipped_updates``), and made again from the same batch at half the
            scale. It waits for the device at each update, which bf16 does not.
        compile: compile the model with ``torch.compile``; the first steps take seconds or minutes.
        clip_norm: scale the gradient down to this Euclidean norm where it is longer [> 0].
        log_grad_norm: log the gradient's norm, before clipping, at every step as ``grad_norm``; with
            ``clip_norm`` it is logged anyway.
        ema_decay: keep an exponential moving average of the weights and judge that instead of the weights;
            the part of the average that each update keeps [0 < x < 1], as 0.999.
        evaluate_steps: updates between evaluations [>= 1]; ``null`` evaluates after each epoch. There is
            always one at the end.
        early_stop_patience: end the run after so many evaluations in a row without a new lowest validation
            loss [>= 1]. The schedule is then cut short: what it would have done later never happens.
        early_stop_min_delta: a loss is a new lowest one where it is lower by more than this [>= 0].
        init_from: start from the weights of another run: its checkpoint file, its directory, or its MLflow
            id. The averaged weights where it kept them. Optimizer and clock start anew.
        init_except: names of parameters that keep their fresh values, as ``head`` (and all below it) or
            ``blocks.*.norm``: a new head.
        device: ``auto`` (the GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``, ... Under ``torchrun``
            each process takes the GPU of its local rank.
        deterministic: on a GPU, use kernels that give the same bits every time: a run repeats and resumes bit
            for bit. An operation without such a kernel ends the run; ``false`` takes the fastest ones.
        threads: processor threads torch may use [>= 1]; ``null`` leaves torch's choice.
        parallel: under ``torchrun``: ``ddp`` keeps the whole model in each process, ``fsdp`` shards
            parameters, gradients and optimizer state among them.
        checkpoint_seconds: time between checkpoints [seconds, > 0]; there is always one at the end.
        checkpoint_steps: instead, updates between checkpoints [>= 1].
        keep_best: also keep the weights of the lowest validation loss, in ``checkpoint.best.pt``.
        keep_every: also keep the checkpoint of every so many updates, in ``checkpoint.<step>.pt`` [>= 1].
        keep_most: how many of these to keep, the latest ones [>= 1]; ``null`` keeps all.
    """

    epochs: Whole | None = setting(None, may_change=True)
    steps: Whole | None = setting(None, may_change=True)
    tokens: Annotated[float, Rule(low=1, whole=True)] | None = setting(None, may_change=True)
    batch_size: Whole = 64
    accumulate: Whole = 1
    precision: Annotated[str, Rule(choices=PRECISIONS)] = "fp32"
    compile: bool = False
    clip_norm: Positive | None = None
    log_grad_norm: bool = setting(False, decides=False)
    ema_decay: Annotated[float, Rule(low=0.0, high=1.0, above=True, below=True)] | None = None
    evaluate_steps: Whole | None = None
    early_stop_patience: Whole | None = setting(None, may_change=True)
    early_stop_min_delta: NotNegative = setting(0.0, may_change=True)
    init_from: str | None = None
    init_except: list[str] = field(default_factory=list)
    device: str = setting("auto", decides=False, may_change=True)
    deterministic: bool = setting(True, decides=False, may_change=True)
    threads: Annotated[int, Rule(low=1, high=1024, whole=True)] | None = setting(
        None, decides=False, may_change=True
    )
    parallel: Annotated[str, Rule(choices=PARALLELS)] = "ddp"
    checkpoint_seconds: Positive = setting(30.0, decides=False, may_change=True)
    checkpoint_steps: Whole | None = setting(None, decides=False, may_change=True)
    keep_best: bool = setting(False, decides=False, may_change=True)
    keep_every: Whole | None = setting(None, decides=False, may_change=True)
    keep_most: Whole | None = setting(None, decides=False, may_change=True)


NEEDS = {
    "early_stop_min_delta": "early_stop_patience",
    "init_except": "init_from",
    "keep_most": "keep_every",
}


def choose_budget(trainer: TrainerSettings, overridden: list[str]) -> None:
    """Leave exactly one budget: the one of the command line, else the config's, else the default.

    Raises:
        ConfigError: there are two.
    """
    asked = given(overridden)
    on_line = [b for b in BUDGETS if f"trainer.{b}" in asked and getattr(trainer, b) is not None]
    chosen = on_line or [b for b in BUDGETS if getattr(trainer, b) is not None]
    if len(chosen) > 1:
        raise ConfigError(
            "exactly one of trainer.epochs, trainer.steps and trainer.tokens must be given, "
            f"got {' and '.join(f'trainer.{b}' for b in chosen)}"
        )
    for budget in BUDGETS:
        if chosen and budget != chosen[0]:
            setattr(trainer, budget, None)
    if not chosen:
        trainer.epochs = DEFAULT_EPOCHS


def check(trainer: TrainerSettings) -> None:
    """Refuse what is wrong whatever the machine, the data and the model.

    Raises:
        ConfigError: a value is out of bounds, or would have no effect without another.
    """
    settle(trainer, "trainer")
    for name, needed in NEEDS.items():
        if getattr(trainer, name) and getattr(trainer, needed) is None:
            raise ConfigError(f"trainer.{name} must come with trainer.{needed}: without it, it has no effect")


def check_team(trainer: TrainerSettings, processes: int, are_connected: bool) -> None:
    """Refuse what does not fit so many processes.

    Args:
        trainer: the settings.
        processes: how many train together.
        are_connected: whether ``torchrun`` started them, be it only one.

    Raises:
        ConfigError: the batch cannot be shared out evenly, or a setting is not for this.
    """
    if trainer.batch_size % (processes * trainer.accumulate):
        by = f"trainer.accumulate ({trainer.accumulate})"
        if processes > 1:
            by += f" times the processes ({processes})"
        raise _must("batch_size", f"be a multiple of {by}", trainer.batch_size)
    if not are_connected and trainer.parallel == "fsdp":
        raise _must("parallel", "be ddp where torchrun did not start the process", "fsdp")
    if processes > 1 and trainer.device.startswith("cuda:"):
        raise _must("device", "be auto, cpu or cuda under torchrun", trainer.device)
    if trainer.parallel == "fsdp":
        for name in ("compile", "ema_decay"):
            if getattr(trainer, name):
                raise ConfigError(f"trainer.{name} must not be given with trainer.parallel=fsdp")
        if trainer.precision == "fp16":
            raise _must("precision", "be fp32 or bf16 with trainer.parallel=fsdp", "fp16")


def _must(name: str, rule: str, given: object) -> ConfigError:
    return ConfigError(f"trainer.{name} must {rule}, got {given}")
