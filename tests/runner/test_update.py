"""One update: the same gradient however it is computed, and what is done to it."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from runner.errors import ConfigError
from runner.training.update import SMALLEST_SCALE, Update, autocast_of, update_of

CPU = torch.device("cpu")


def problem(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    batches = [(torch.randn(24, 6), torch.randint(0, 3, (24,))) for _ in range(5)]
    return model, optimizer, batches


def made(precision="fp32", **arguments):
    model, optimizer, batches = problem()
    update = update_of(
        precision,
        CPU,
        model=model,
        optimizer=optimizer,
        loss_of=nn.functional.cross_entropy,
        **arguments,
    )
    return update, model, optimizer, batches


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("parts", [2, 3, 24])
def test_micro_batches_give_the_update_of_the_whole_batch(parts):
    whole, model, _, batches = made()
    in_parts, other, _, _ = made(micro_batches=parts)
    for inputs, targets in batches:
        figures, same = whole(inputs, targets), in_parts(inputs, targets)
        assert float(same.loss) == pytest.approx(float(figures.loss), rel=1e-6)
    torch.testing.assert_close(weights(other), weights(model), rtol=1e-4, atol=1e-6)


def gradient_norm(model, inputs, targets):
    model = copy.deepcopy(model)
    nn.functional.cross_entropy(model(inputs), targets).backward()
    return math.sqrt(sum(float((p.grad.double() ** 2).sum()) for p in model.parameters()))


def test_the_norm_is_that_of_all_gradients_as_one_vector():
    update, model, _, [(inputs, targets), *_] = made(log_grad_norm=True)
    expected = gradient_norm(model, inputs, targets)
    figures = update(inputs, targets)
    assert update.columns == ["loss", "grad_norm"]
    assert figures.measured() == (figures.loss, figures.grad_norm)
    assert float(figures.grad_norm) == pytest.approx(expected, rel=1e-5)


def test_measuring_the_norm_changes_nothing():
    plain, model, _, batches = made()
    measured, other, _, _ = made(log_grad_norm=True)
    for inputs, targets in batches:
        plain(inputs, targets)
        measured(inputs, targets)
    assert torch.equal(weights(model), weights(other))


@pytest.mark.parametrize(("clip", "step"), [(0.01, 0.01), (1e6, None)])
def test_a_long_gradient_is_cut_to_the_norm_and_a_short_one_left(clip, step):
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    inputs, targets = torch.randn(24, 6), torch.randint(0, 3, (24,))
    length = gradient_norm(model, inputs, targets)
    before = weights(model)
    update = Update(model=model, optimizer=optimizer, loss_of=nn.functional.cross_entropy, clip_norm=clip)
    norm = update(inputs, targets).grad_norm

    assert float(norm) == pytest.approx(length, rel=1e-5)  # what is logged is before clipping
    moved = float((weights(model) - before).norm())
    assert moved == pytest.approx(length if step is None else step, rel=1e-4)


def test_the_average_is_the_recursion():
    update, model, optimizer, batches = made()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.7), use_buffers=True)
    update = Update(model=model, optimizer=optimizer, loss_of=nn.functional.cross_entropy, averaged=average)
    expected = None
    for inputs, targets in batches:
        update(inputs, targets)
        now = weights(model).double()
        expected = now if expected is None else 0.7 * expected + 0.3 * now
    torch.testing.assert_close(weights(average.module).double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_operations_run_in_the_precision_and_weights_stay_in_fp32(precision, dtype):
    update, model, optimizer, [(inputs, targets), *_] = made(precision)
    seen = []
    model[2].register_forward_hook(lambda module, given, outputs: seen.append(outputs.dtype))
    figures = update(inputs, targets)

    assert seen == [dtype]
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {held.dtype for state in optimizer.state.values() for held in state.values()} == {torch.float32}
    assert all(math.isfinite(float(figure)) for figure in figures.measured())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_trains_to_about_the_same_loss(precision):
    exact, _, _, batches = made()
    rough, _, _, _ = made(precision)
    for _ in range(20):
        for inputs, targets in batches:
            a, b = exact(inputs, targets), rough(inputs, targets)
    assert float(a.loss) < 1.0
    assert float(b.loss) == pytest.approx(float(a.loss), rel=0.1)


class Overflowing(nn.Module):
    """Scores whose gradient overflows as long as the loss scale is above a limit."""

    def __init__(self, limit):
        super().__init__()
        self.inner = nn.Linear(6, 3)
        self.limit = limit
        self.seen = []

    def forward(self, inputs):
        outputs = self.inner(inputs)
        outputs.register_hook(self.overflow)
        return outputs

    def overflow(self, gradient):
        self.seen.append(float(gradient.abs().max()))
        return gradient * (torch.inf if self.seen[-1] > self.limit else 1.0)


def scaled(limit, micro_batches=1):
    torch.manual_seed(0)
    model = Overflowing(limit)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    arguments = {"model": model, "optimizer": optimizer, "loss_of": nn.functional.cross_entropy}
    update = update_of("fp16", CPU, micro_batches=micro_batches, log_grad_norm=True, **arguments)
    return update, model, optimizer


@pytest.mark.parametrize("parts", [1, 2])
def test_an_update_that_overflows_is_skipped_counted_and_made_at_half_the_scale(parts):
    update, model, _ = scaled(limit=700.0, micro_batches=parts)
    before = weights(model)
    inputs, targets = torch.randn(24, 6), torch.randint(0, 3, (24,))
    length = gradient_norm(model.inner, inputs, targets)
    _, norm, skipped, scale = update(inputs, targets)

    assert update.columns == ["loss", "grad_norm", "skipped_updates", "loss_scale"]
    assert skipped >= 1
    assert float(scale) == 65536.0 / 2.0 ** float(skipped)
    moved = float((weights(model) - before).norm())
    assert moved == pytest.approx(0.1 * length, rel=1e-2)  # one update, with the true gradient
    assert float(norm) == pytest.approx(length, rel=1e-2)
    again = update(inputs, targets)
    assert again.skipped_updates == skipped  # the scale is found: no more is skipped


def test_a_gradient_that_overflows_at_any_scale_stops_the_run():
    update, model, _ = scaled(limit=-1.0)
    with pytest.raises(FloatingPointError, match="overflows fp16 at any loss scale"):
        update(torch.randn(24, 6), torch.randint(0, 3, (24,)))
    assert len(model.seen) == math.ceil(math.log2(65536.0 / SMALLEST_SCALE))


def test_a_loss_that_is_not_finite_is_not_tried_again():
    update, model, _ = scaled(limit=1e9)
    before = weights(model)
    loss = update(torch.full((24, 6), 1e9), torch.randint(0, 3, (24,))).loss  # inf in fp16
    assert not torch.isfinite(loss)
    assert len(model.seen) == 1
    assert torch.equal(weights(model), before)


def test_the_scale_comes_back_from_a_checkpoint():
    update, _, _ = scaled(limit=700.0)
    inputs, targets = torch.randn(24, 6), torch.randint(0, 3, (24,))
    _, _, skipped, scale = update(inputs, targets)
    fresh, _, _ = scaled(limit=1e9)
    fresh.load_state_dict(update.state_dict())
    figures = fresh(inputs, targets)
    assert (figures.skipped_updates, figures.loss_scale) == (skipped, scale)


def test_a_device_that_cannot_is_refused():
    with pytest.raises(
        ConfigError, match=r"trainer\.precision must be one that meta computes in, got 'bf16'"
    ):
        autocast_of("bf16", torch.device("meta"))
    half = nn.Linear(2, 2).half()
    with pytest.raises(ConfigError, match=r"trainer\.precision must be fp32 for a model whose weights"):
        update_of("fp16", CPU, model=half, optimizer=None, loss_of=None)
