"""Parameter groups: which parameters have a rate or a weight decay of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn
from torch.nn import Parameter

Group = dict[str, Any]
Parameters = Iterable[Parameter] | Iterable[Group]
"""What torch's optimizers take: parameters, or groups of them."""

NORMS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm)


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """Settings that every optimizer has. A group is written its scale times what the schedule says.

    Attributes:
        no_decay_norm_and_bias: leave norms, biases and other parameters of one dimension out of weight decay.
        layer_decay: factor of the rate from each layer to the one before it [0 < x <= 1]; the last layer has
            the whole rate.
        head_lr_scale: factor of the last layer's rate [> 0].

    Source:
        Layer-wise decay: Howard & Ruder 2018, arXiv:1801.06146; Clark et al. 2020, arXiv:2003.10555.
    """

    no_decay_norm_and_bias: bool = False
    layer_decay: float = 1.0
    head_lr_scale: float = 1.0

    splits_hidden: ClassVar[bool] = False
    """Whether the optimizer treats hidden matrices and all else differently: groups then say ``hidden``."""

    fixed: ClassVar[tuple[str, ...]] = ()
    """Hyper-parameters that no schedule may drive."""

    needs_whole_tensors: ClassVar[bool] = False
    """Whether the update of a number depends on others of its tensor, which FSDP may keep elsewhere."""

    def __post_init__(self) -> None:
        if not 0.0 < self.layer_decay <= 1.0:
            raise ValueError(f"layer_decay must be a number > 0 and <= 1, got {self.layer_decay}")
        if not self.head_lr_scale > 0.0:
            raise ValueError(f"head_lr_scale must be a number > 0, got {self.head_lr_scale}")


def grouped(model: nn.Module, settings: object) -> Parameters:
    """Return the model's parameters as ``settings`` group them: plain where nothing asks for groups.

    Groups have a ``name``, a ``lr_scale`` where the rate is scaled, a ``weight_decay`` and its scale of 0
    where there is to be none, and ``hidden`` where the optimizer wants to know.

    Args:
        model: its layers are those of ``model.children()``, containers opened; the last is ``model.head``
            where there is one.
        settings: an optimizer's; those that are not :class:`Grouped` get plain parameters.

    Raises:
        ValueError: the model has no last layer of its own.
    """
    if not isinstance(settings, Grouped):
        return model.parameters()
    is_layered = settings.layer_decay != 1.0 or settings.head_lr_scale != 1.0
    if not (is_layered or settings.no_decay_norm_and_bias or settings.splits_hidden):
        return model.parameters()
    layers = layer_numbers(model)
    last = max(layers.values())
    if settings.head_lr_scale != 1.0 and not _own_head(model):
        raise ValueError(
            f"head_lr_scale needs a model whose last layer is its own, got {settings.head_lr_scale}"
        )
    hidden = hidden_matrices(model) if settings.splits_hidden else set()
    groups: dict[str, Group] = {}
    for name, parameter in model.named_parameters():
        entries: Group = {}
        parts = []
        if is_layered:
            number = layers[name]
            scale = settings.layer_decay ** (last - number)
            scale *= settings.head_lr_scale if number == last else 1.0
            parts.append(f"layer{number}")
            entries["lr_scale"] = scale
        if settings.splits_hidden:
            entries["hidden"] = name in hidden
            parts.append("hidden" if name in hidden else "rest")
        if settings.no_decay_norm_and_bias and parameter.dim() <= 1:
            parts.append("no_decay")
            entries |= {"weight_decay": 0.0, "weight_decay_scale": 0.0}
        key = ".".join(parts) or "decay"
        groups.setdefault(key, {"params": [], "name": key, **entries})["params"].append(parameter)
    return list(groups.values())


def layer_numbers(model: nn.Module) -> dict[str, int]:
    """Return the layer of each named parameter: 0 is nearest to the input.

    Embeddings and parameters of the model itself are of layer 0; a norm is of the layer before it.
    """
    layers: list[list[nn.Module]] = []
    for module in _layers(model, _head(model)):
        joins = isinstance(module, (nn.Embedding, *NORMS)) and layers
        if joins:
            layers[0 if isinstance(module, nn.Embedding) else -1].append(module)
        else:
            layers.append([module])
    of_parameter = {
        id(p): number for number, layer in enumerate(layers) for m in layer for p in m.parameters()
    }
    tied = {id(p): 0 for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    of_parameter |= tied
    return {name: of_parameter.get(id(p), 0) for name, p in model.named_parameters()}


def hidden_matrices(model: nn.Module) -> set[str]:
    """Return the names of the matrices that are neither an embedding nor of the last layer."""
    head = _head(model)
    outer = [m for m in model.modules() if isinstance(m, nn.Embedding)] + ([head] if head is not None else [])
    others = {id(p) for module in outer for p in module.parameters()}
    return {name for name, p in model.named_parameters() if p.dim() == 2 and id(p) not in others}


def _layers(module: nn.Module, head: nn.Module | None) -> Iterator[nn.Module]:
    """Yield the model's layers in order: its children with parameters, containers opened, the head whole."""
    for child in module.children():
        if child is not head and isinstance(child, (nn.Sequential, nn.ModuleList)):
            yield from _layers(child, head)
        elif any(True for _ in child.parameters()):
            yield child


def _head(model: nn.Module) -> nn.Module | None:
    """Return ``model.head``, or the last layer of a sequence."""
    named = getattr(model, "head", None)
    if isinstance(named, nn.Module):
        return named
    layers = list(_layers(model, None)) if isinstance(model, nn.Sequential) else []
    return layers[-1] if layers else None


def _own_head(model: nn.Module) -> bool:
    """Whether the model has a last layer whose parameters are no embedding's too."""
    head = _head(model)
    shared = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    return head is not None and not any(id(p) in shared for p in head.parameters())


def check(settings: object, *names: str, below: float | None = None) -> None:
    """Raise where a number is negative, or reaches ``below``."""
    for name in names:
        value = getattr(settings, name)
        if not value >= 0.0 or (below is not None and value >= below):
            rule = ">= 0" if below is None else f">= 0 and < {below:g}"
            raise ValueError(f"{name} must be a number {rule}, got {value}")


def as_groups(parameters: Parameters) -> list[Group]:
    """Return copies of groups; parameters become one group."""
    given: list[Any] = list(parameters)
    if given and isinstance(given[0], dict):
        return [dict(group) for group in given]
    return [{"params": given}]
