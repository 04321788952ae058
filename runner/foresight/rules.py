"""Published rules for peak rate, weight decay and betas at another scale. They contradict each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

LONGER_BATCH = 0.383  # exponent of the tokens by which one recipe lets its batch grow


@dataclass(frozen=True)
class Scale:
    """By which factors a run changes.

    Attributes:
        steps: of the updates.
        batch: of the examples in an update.
        width: of the model.
        depth: of the model.
    """

    steps: float = 1.0
    batch: float = 1.0
    width: float = 1.0
    depth: float = 1.0

    @property
    def tokens(self) -> float:
        """Of what the run sees in all."""
        return self.steps * self.batch


@dataclass(frozen=True)
class Advice:
    """What one rule says.

    Attributes:
        name: of the rule, with its formula.
        source: where it stands.
        rate: factor of the peak rate.
        weight_decay: factor of the weight decay; ``None`` where the rule says nothing of it.
        batch: factor of the batch, where the rule sets that itself.
        remark: what to know.
    """

    name: str
    source: str
    rate: float
    weight_decay: float | None = None
    batch: float | None = None
    remark: str = ""


def rules(scale: Scale, adaptive: bool, mup: bool) -> list[Advice]:
    """Return what every rule says that applies.

    Args:
        scale: what changes.
        adaptive: whether the optimizer is of Adam's kind, and not plain gradient descent.
        mup: whether the model is parametrised so that its rate carries over to another width.

    >>> [round(rule.rate, 2) for rule in rules(Scale(steps=8), adaptive=True, mup=False)][:4]
    [1.0, 0.77, 0.51, 0.35]
    """
    found = [_with_batch(rule, scale, adaptive) for rule in _by_length(scale)]
    if adaptive and scale.tokens != 1:
        found += [_per_token(scale), _batch_with_tokens(scale), _step_law(scale)]
    if scale.width != 1 and mup:
        found = [_with_width(rule, scale) for rule in found]
    return found


def _by_length(scale: Scale) -> list[Advice]:
    tokens, compute = scale.tokens, scale.tokens * scale.width**2 * scale.depth
    found = [Advice("keep the rate", "usual", 1.0)]
    if compute != 1:
        found.append(Advice("compute^-0.125", "DeepSeek LLM, arXiv:2401.02954", compute**-0.125))
    if tokens != 1:
        found.append(Advice("tokens^-0.32", "Bjorck et al., arXiv:2409.19913", tokens**-0.32))
    if scale.steps != 1:
        found.append(
            Advice("steps^-0.5", "the convex bound, arXiv:2501.18965", scale.steps**-0.5, remark="theory")
        )
    return found


def _with_batch(rule: Advice, scale: Scale, adaptive: bool) -> Advice:
    """Return a rule for the length with the batch's own: its root for Adam, itself for plain descent.

    The weight decay keeps ``(1 - rate * weight_decay)^T``, what is left of the start.
    """
    if scale.batch == 1:
        return Advice(rule.name, rule.source, rule.rate, 1 / (rule.rate * scale.steps), None, rule.remark)
    root = adaptive
    rate = rule.rate * (math.sqrt(scale.batch) if root else scale.batch)
    name = f"{rule.name} x {'sqrt(batch)' if root else 'batch'}"
    source = f"{rule.source}; {'arXiv:2205.10287' if root else 'arXiv:1706.02677'}"
    return Advice(name, source, rate, 1 / (rate * scale.steps), None, rule.remark)


def _batch_with_tokens(scale: Scale) -> Advice:
    """Return the recipe whose batch grows with the tokens, to a power of two, and its rate with that."""
    batch = power_of_two(scale.tokens**LONGER_BATCH)
    return Advice(
        "batch by tokens^0.383, rate by its root",
        "nanochat, base_train.py",
        math.sqrt(batch),
        math.sqrt(batch) / scale.tokens,
        batch,
        "sets the batch itself; its authors say it was not studied carefully",
    )


def _per_token(scale: Scale) -> Advice:
    """Return the recipe whose rate is the root of the batch over the tokens."""
    rate = math.sqrt(scale.batch / scale.tokens)
    return Advice("sqrt(batch / tokens)", "marin, CompletedAdamH", rate)


def _step_law(scale: Scale) -> Advice:
    """Return the law fitted to thousands of runs, in which the best batch grows and the rate with it."""
    return Advice(
        "tokens^0.307", "Step Law, arXiv:2503.04715", scale.tokens**0.307, None, scale.tokens**0.571,
        "sets the batch itself, by tokens^0.571",
    )  # fmt: skip


def _with_width(rule: Advice, scale: Scale) -> Advice:
    """Return a rule with muP's for the matrices of the hidden layers; their rate times decay stays."""
    decay = rule.weight_decay * scale.width if rule.weight_decay is not None else None
    return Advice(
        f"{rule.name} / width", f"{rule.source}; CompleteP, arXiv:2505.01618", rule.rate / scale.width,
        decay, rule.batch, "for hidden matrices; eps / (width depth)" if not rule.remark else rule.remark,
    )  # fmt: skip


def power_of_two(number: float) -> float:
    """Return the power of two nearest by ratio.

    >>> power_of_two(8**0.383), power_of_two(0.3)
    (2.0, 0.25)
    """
    return 2.0 ** round(math.log2(number))


def beta(value: float, batch: float) -> float:
    """Return a beta that forgets after as many examples as before: ``beta^batch``.

    The first-order form ``1 - batch (1 - beta)`` leaves [0, 1): at 16 times the batch .9 becomes -.6.

    >>> round(beta(0.9, 16), 6), round(beta(0.9, 4), 4), round(beta(0.95, 4), 6)
    (0.185302, 0.6561, 0.814506)
    """
    return float(value**batch)


def left_of_start(rate: float, weight_decay: float, steps: int) -> float:
    """Return ``(1 - rate * weight_decay)^steps``: the share of the initial weights after a constant rate.

    >>> left_of_start(0.1, 0.1, 1000), left_of_start(0.025, 0.1, 4000)
    (4.317124741065786e-05, 4.4835026949714846e-05)
    """
    return float((1 - rate * weight_decay) ** steps)
