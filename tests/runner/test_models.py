"""The models are the published ones: parameter counts, causality, parity with torch's own layers."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import schedules
from runner.datasets.noise import Noise
from runner.models.gpt import Gpt
from runner.models.linear import Linear
from runner.models.quadratic import Quadratic
from runner.models.resnet import ResNet
from runner.models.transformer import Block, Rotary
from runner.models.vgg import Vgg
from runner.models.vit import Vit
from runner.trainables.data import Batches, Data, Tensors
from runner.trainables.tasks import CLASSIFICATION, LANGUAGE, REGRESSION


def images(side, channels=3, classes=1000):
    examples = Tensors(torch.zeros(1, channels, side, side), torch.zeros(1, dtype=torch.int64))
    return Data(train=examples, val=examples, task=CLASSIFICATION, num_outputs=classes)


def text(context, vocabulary):
    examples = Tensors(*torch.zeros(2, 1, context, dtype=torch.int64))
    return Data(train=examples, val=examples, task=LANGUAGE, num_outputs=vocabulary)


PUBLISHED = [
    pytest.param(ResNet(depth=18, stem="imagenet"), images(224), 11_689_512, id="resnet18"),
    pytest.param(ResNet(depth=34, stem="imagenet"), images(224), 21_797_672, id="resnet34"),
    pytest.param(ResNet(depth=50, stem="imagenet"), images(224), 25_557_032, id="resnet50"),
    pytest.param(ResNet(depth=101, stem="imagenet"), images(224), 44_549_160, id="resnet101"),
    pytest.param(ResNet(depth=152, stem="imagenet"), images(224), 60_192_808, id="resnet152"),
    pytest.param(ResNet(depth=20), images(32, classes=10), 272_474, id="resnet20"),
    pytest.param(
        Vgg(depth=11, grid=7, hidden=[4096, 4096], batch_norm=False), images(224), 132_863_336, id="vgg11"
    ),
    pytest.param(
        Vgg(depth=16, grid=7, hidden=[4096, 4096], batch_norm=False), images(224), 138_357_544, id="vgg16"
    ),
    pytest.param(
        Vgg(depth=19, grid=7, hidden=[4096, 4096], batch_norm=False), images(224), 143_667_240, id="vgg19"
    ),
    pytest.param(Vit(patch_size=16, depth=12, width=768, heads=12), images(224), 86_567_656, id="vit_b_16"),
    pytest.param(Gpt(depth=12, width=768, heads=12), text(1024, 50257), 124_439_808, id="gpt2"),
    pytest.param(Gpt(depth=24, width=1024, heads=16), text(1024, 50257), 354_823_168, id="gpt2_medium"),
]


@pytest.mark.parametrize(("made", "data", "count"), PUBLISHED)
def test_it_has_as_many_parameters_as_published(made, data, count):
    with torch.device("meta"):  # shapes alone
        model = made.build(data)
    assert sum(p.numel() for p in model.parameters()) == count


@pytest.mark.parametrize("depth", [20, 18, 50])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_a_resnet_maps_images_to_scores_at_the_size_its_stem_leaves(depth, stem):
    model = ResNet(depth=depth, stem=stem, width=4).build(images(32, classes=7))
    x = torch.randn(2, 3, 32, 32)
    assert model(x).shape == (2, 7)
    assert model.stem(x).shape[-1] == (32 if stem == "cifar" else 8)
    last = model.blocks(model.stem(x))
    assert last.shape[-1] == model.stem(x).shape[-1] // (4 if depth == 20 else 8)


def test_residual_blocks_that_start_at_zero_are_the_identity():
    model = ResNet(depth=20, width=4, zero_init_residual=True).build(images(8, classes=2))
    x = torch.rand(2, 4, 8, 8)  # not negative: the last ReLU leaves it
    assert torch.equal(model.blocks[0](x), x)


def test_vgg_takes_images_of_any_size():
    model = Vgg(width=4).build(images(9, channels=1, classes=3))
    assert model(torch.randn(2, 1, 9, 9)).shape == (2, 3)


def test_linear_starts_where_every_class_is_equally_likely():
    data = images(4, classes=5)
    outputs = Linear().build(data)(torch.randn(6, 3, 4, 4))
    assert nn.functional.cross_entropy(outputs, torch.arange(5).repeat(2)[:6]).item() == pytest.approx(
        math.log(5)
    )


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_a_gpt_sees_nothing_that_comes_later(positions):
    torch.manual_seed(0)
    model = Gpt(depth=2, width=32, heads=4, positions=positions).build(text(16, 11))
    tokens = torch.randint(0, 11, (2, 16))
    changed = tokens.clone()
    changed[:, 10:] = (changed[:, 10:] + 1) % 11
    before, after = model(tokens), model(changed)
    assert before.shape == (2, 16, 11)
    torch.testing.assert_close(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10:], after[:, 10:])


def test_a_gpt_starts_near_the_uniform_guess_and_ties_its_weights():
    torch.manual_seed(0)
    model = Gpt().build(text(32, 100))
    tokens = torch.randint(0, 100, (8, 33))
    loss = LANGUAGE.loss(model(tokens[:, :-1]), tokens[:, 1:])
    assert loss.item() == pytest.approx(math.log(100), rel=0.05)
    assert model.head.weight is model.tokens.weight
    assert Gpt(tied=False).build(text(32, 100)).head.weight is not model.tokens.weight


def test_rotary_angles_depend_on_the_distance_alone():
    rotary = Rotary(64, 8)
    query, key = torch.randn(2, 8, dtype=torch.float64)
    turned = [rotary(x.expand(1, 1, 64, 8))[0, 0] for x in (query, key)]
    scores = turned[0] @ turned[1].T
    for distance in (0, 3, 20):
        along = scores.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand(len(along)), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(scores[0, 0], query @ key)


@pytest.mark.parametrize("causal", [False, True])
def test_a_block_equals_torchs_pre_norm_encoder_layer(causal):
    torch.manual_seed(0)
    ours = Block(width=24, heads=3, hidden=48, causal=causal)
    theirs = nn.TransformerEncoderLayer(
        24, 3, 48, dropout=0.0, activation="gelu", norm_first=True, batch_first=True
    )
    pairs = {
        "query_key_value.weight": "self_attn.in_proj_weight",
        "query_key_value.bias": "self_attn.in_proj_bias",
        "attention_out.weight": "self_attn.out_proj.weight",
        "attention_out.bias": "self_attn.out_proj.bias",
        "attention_norm.weight": "norm1.weight",
        "attention_norm.bias": "norm1.bias",
        "perceptron_norm.weight": "norm2.weight",
        "perceptron_norm.bias": "norm2.bias",
        "perceptron_in.weight": "linear1.weight",
        "perceptron_in.bias": "linear1.bias",
        "perceptron_out.weight": "linear2.weight",
        "perceptron_out.bias": "linear2.bias",
    }
    mine = ours.state_dict()
    theirs.load_state_dict({other: mine[name] for name, other in pairs.items()})
    x = torch.randn(2, 7, 24)
    mask = nn.Transformer.generate_square_subsequent_mask(7) if causal else None
    torch.testing.assert_close(ours(x), theirs(x, src_mask=mask, is_causal=causal), rtol=1e-5, atol=1e-5)


def test_dropout_is_off_in_evaluation():
    torch.manual_seed(0)
    model = Gpt(depth=1, width=16, heads=2, dropout=0.5).build(text(8, 5))
    tokens = torch.randint(0, 5, (1, 8))
    assert not torch.equal(model(tokens), model(tokens))
    model.eval()
    assert torch.equal(model(tokens), model(tokens))


WRONG = [
    (lambda: ResNet(depth=19), "depth must be one of 18, 20"),
    (lambda: ResNet(stem="small"), "stem must be one of cifar, imagenet, got 'small'"),
    (lambda: Vgg(depth=12), "depth must be one of 11, 13, 16, 19, got 12"),
    (lambda: Vgg(dropout=1.0), "dropout must be a number >= 0 and < 1, got 1.0"),
    (lambda: Vit(width=100, heads=3), "width must be a multiple of the 3 heads, got 100"),
    (lambda: Vit().build(images(30)), "patch_size must divide the image's 30 x 30 pixels, got 4"),
    (lambda: Gpt(positions="sine"), "positions must be one of learned, rotary, got 'sine'"),
    (lambda: Gpt(width=12, heads=4, positions="rotary"), "width / heads must be even for rotary"),
    (lambda: Gpt().build(images(8)), "gpt needs data for language, got data for classification"),
    (lambda: Vit().build(text(8, 5)), "vit needs data for classification or regression, got data for lang"),
    (lambda: Linear().build(text(8, 5)), "linear needs data for classification or regression"),
    (lambda: Quadratic().build(images(8)), "quadratic needs data for quadratic"),
    (lambda: Quadratic(curvatures=[0.0]), "curvatures must be numbers > 0"),
    (lambda: Quadratic().build(Noise(copies=2, exact=False, dim=4).load()), "dataset.dim=3"),
]


@pytest.mark.parametrize(("make", "said"), WRONG)
def test_what_does_not_fit_is_refused_by_name(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_regression_outputs_are_as_many_as_the_targets():
    examples = Tensors(torch.zeros(4, 10), torch.zeros(4, 3))
    data = Data(train=examples, val=examples, task=REGRESSION, num_outputs=3)
    assert Linear().build(data)(examples.inputs).shape == (4, 3)


# the noisy quadratic ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fields", "final"),
    [
        ("constant", {}, 0.090959074220),
        ("linear", {"end_value": 0.0}, 0.009477623332),
        ("cosine", {"end_value": 0.0}, 0.008643721453),
        ("wsd", {"decay_steps": "20%", "end_value": 0.0}, 0.018060183315),
    ],
)
def test_the_quadratic_has_the_exact_losses_of_its_closed_form(name, fields, final):
    horizon = schedules.Horizon(total_steps=200)
    rates = schedules.values(schedules.build(name, horizon=horizon, peak_value=0.5, **fields), 200)
    expected = Quadratic().expected_losses(rates)
    assert expected[-1] == pytest.approx(final, abs=1e-12)

    data = Noise(copies=256).load()
    model = Quadratic().build(data)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    batches = Batches(data.train, 1, seed=3)
    losses = []
    for step in range(200):
        optimizer.param_groups[0]["lr"] = rates[step]
        loss = data.task.loss(model(batches(step)[0]), torch.zeros(1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    last = data.task.loss(model(data.val.inputs), torch.zeros(1)).item()
    np.testing.assert_allclose([*losses, last], expected, rtol=1e-4)


def test_a_batch_divides_the_noise():
    data = Noise(copies=64).load()
    model = Quadratic().build(data)
    batches, losses = Batches(data.train, 9, seed=0), []
    for step in range(7):
        model.zero_grad()
        loss = model(batches(step)[0]).mean()
        loss.backward()
        with torch.no_grad():
            model.weight -= 0.4 * model.weight.grad
        losses.append(loss.item())
    np.testing.assert_allclose(losses, Quadratic().expected_losses([0.4] * 6, batch_size=9), rtol=1e-5)


def test_random_noise_agrees_with_the_closed_form_within_its_error():
    data = Noise(copies=4096, exact=False, draws=40, dim=3).load()
    model = Quadratic().build(data)
    for step in range(40):
        model.zero_grad()
        model(data.train.inputs[step : step + 1]).mean().backward()
        with torch.no_grad():
            model.weight -= 0.5 * model.weight.grad
    final = model(data.val.inputs).item()
    assert final == pytest.approx(Quadratic().expected_losses([0.5] * 40)[-1], rel=0.05)


def test_a_constant_rate_comes_to_its_steady_state():
    lam = np.array([1.0, 0.1, 0.01])
    second = 0.5**2 * 0.5 * lam / (1 - (1 - 0.5 * lam) ** 2)
    np.testing.assert_allclose(second, [0.1666666667, 0.1282051282, 0.1253132832], rtol=1e-9)
    assert Quadratic().expected_losses([0.5] * 5000)[-1] == pytest.approx(0.5 * lam @ second, rel=1e-9)


def test_the_power_law_orders_schedules_as_published_runs_do():
    problem = Quadratic(curvatures=[], dim=4000, decay=1.25, source=1.0, noise=1.0)
    best = {}
    for name, fields in (("linear", {"end_value": 0.0}), ("cosine", {"end_value": 0.0}), ("constant", {})):
        shape = schedules.values(schedules.build(name, total_steps=300, peak_value=1.0, **fields), 300)
        best[name] = min(problem.expected_losses(rate * shape)[-1] for rate in np.geomspace(0.02, 0.2, 21))
    assert best["linear"] == pytest.approx(0.03493, rel=3e-3)
    assert best["cosine"] == pytest.approx(0.03687, rel=3e-3)
    assert best["constant"] == pytest.approx(0.04141, rel=3e-3)
