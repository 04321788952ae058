"""Logs as other programs write them: whole, cut off anywhere, and not logs at all."""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from runner.errors import ConfigError
from runner.logs import columns, find, protobuf

WRITTEN = Path(__file__).parent / "written"
FORMATS = {
    "tensorboard": "tensorboard",
    "tensorboardX": "tensorboardX",
    "wandb": "wandb-0.31.0.wandb",
    "transformers": "transformers",
}


def only(path, step=None):
    (log,) = find.read(path, step)
    return log


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_what_the_packages_write_is_read_whole(written):
    log = only(WRITTEN / written)
    rate = columns.rate_of(log)
    loss = log.series.get("train/loss") or log.series["loss"]
    assert len(loss.steps) == len(rate.steps) == 40
    assert rate.values == pytest.approx(1e-3 * (1 - rate.steps / 40))
    assert loss.values == pytest.approx(5 - loss.steps / 40)


def test_of_checkpoints_the_newest_is_read():
    log = only(WRITTEN / "transformers")
    assert (log.name, log.total_steps, log.epochs, log.running) == ("transformers", 40, 0.5, False)
    assert log.series["eval_loss"].steps.tolist() == [10, 20, 30, 40]
    assert "train_loss" not in log.series  # the mean that the Trainer adds at the end


def test_settings_of_an_offline_run_are_read():
    log = only(WRITTEN / "wandb-0.31.0.wandb")
    assert log.settings["name"] == "tiny"
    assert log.series["val/loss"].values == pytest.approx([4.5, 4.25, 4.0, 3.75])


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_a_log_cut_off_anywhere_gives_what_is_whole(written, tmp_path):
    source = WRITTEN / written
    file = source if source.is_file() else max(source.rglob("*.*"), key=lambda f: f.stat().st_size)
    content = file.read_bytes()
    whole = 0
    for length in (*range(0, len(content), max(len(content) // 60, 1)), len(content) - 1):
        cut = tmp_path / file.name
        cut.write_bytes(content[:length])
        try:
            logs = find.read(cut)
        except ConfigError:
            continue
        for log in logs:
            for series in log.series.values():
                assert np.isfinite(series.values).all()
            loss = log.series.get("train/loss") or log.series.get("loss")
            whole = max(whole, len(loss.steps) if loss else 0)
    assert 35 <= whole <= 40


def test_no_point_of_a_long_run_is_dropped(tmp_path):
    """TensorBoard's own reader keeps 10,000 of 20,000."""
    tensorboardx = pytest.importorskip("tensorboardX")
    writer = tensorboardx.SummaryWriter(str(tmp_path))
    for step in range(20_000):
        writer.add_scalar("loss", 1.0, step)
    writer.close()
    assert len(only(tmp_path).series["loss"].steps) == 20_000


def event(step, tag, value):
    """An event of TensorBoard, framed, with checksums that nobody reads."""
    summary = b"\x0a" + bytes([len(tag)]) + tag + b"\x15" + struct.pack("<f", value)
    body = b"\x0a" + bytes([len(summary)]) + summary
    data = b"\x10" + bytes([step]) + b"\x2a" + bytes([len(body)]) + body
    return struct.pack("<Q", len(data)) + b"\0" * 4 + data + b"\0" * 4


def test_a_run_that_went_back_overwrites_its_steps(tmp_path):
    for name, steps, value in (
        ("events.out.tfevents.1", range(9), 1.0),
        ("events.out.tfevents.2", range(5, 12), 2.0),
    ):
        (tmp_path / name).write_bytes(b"".join(event(step, b"loss", value) for step in steps))
    assert only(tmp_path).series["loss"].values.tolist() == [1.0] * 5 + [2.0] * 7


def test_an_offline_run_whose_record_crosses_a_block(tmp_path):
    def item(key, text):
        inner = b"\x0a" + bytes([len(key)]) + key + b"\x82\x01" + varint(len(text)) + text
        return b"\x0a" + varint(len(inner)) + inner

    def varint(number):
        found = b""
        while number > 127:
            found, number = found + bytes([number & 127 | 128]), number >> 7
        return found + bytes([number])

    content = b":W&B" + b"\xe1\xbe\x00"
    for step in range(3):
        history = item(b"loss", b"%d.5" % step) + item(b"note", b'"' + b"x" * 40_000 + b'"')
        history += item(b"global_step", b"%d" % (10 * step))
        record, first = b"\x12" + varint(len(history)) + history, True
        while record:
            room = 32_768 - len(content) % 32_768
            if room <= 7:
                content += b"\0" * room
                continue
            piece, record = record[: room - 7], record[room - 7 :]
            kind = (1 if not record else 2) if first else (3 if record else 4)
            content, first = content + b"\0" * 4 + struct.pack("<HB", len(piece), kind) + piece, False
    (tmp_path / "run-a.wandb").write_bytes(content)
    loss = only(tmp_path).series["loss"]
    assert (loss.steps.tolist(), loss.values.tolist()) == ([0, 10, 20], [0.5, 1.5, 2.5])


CSV = "step,lr,loss,note\n0,0.1,3.0,a\n1,0.1,,b\n2,0.05,2.0,\n3,0.0"


def test_a_table_loses_the_row_that_was_cut_off(tmp_path):
    (tmp_path / "log.csv").write_text(CSV)
    log = only(tmp_path / "log.csv")
    assert log.series["loss"].steps.tolist() == [0, 2]
    assert log.series["lr"].values.tolist() == [0.1, 0.1, 0.05]
    assert "note" not in log.series


def test_a_table_of_several_runs_is_as_many_logs(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = {"run": ["a", "a", "b"], "global_step": [0, 1, 0], "loss": [2.0, 1.0, 5.0]}
    parquet.write_table(pyarrow.table(rows), tmp_path / "log.parquet")
    (tmp_path / "log.csv").write_text("run,global_step,loss\na,0,2.0\na,1,1.0\nb,0,5.0\n")
    for file in ("log.csv", "log.parquet"):
        found = {log.name: log.series["loss"].values.tolist() for log in find.read(tmp_path / file)}
        assert found == {"a": [2.0, 1.0], "b": [5.0]}


def test_columns_are_named_where_they_are_not_obvious(tmp_path):
    (tmp_path / "log.csv").write_text("when,eta,cost\n0,0.1,3.0\n1,0.1,2.0\n")
    with pytest.raises(ConfigError, match=r"no column of steps .*: it has when, eta, cost; see --step"):
        find.read(tmp_path / "log.csv")
    log = only(tmp_path / "log.csv", "when")
    with pytest.raises(ConfigError, match=r"must hold a rate; it has eta, cost\. Name it with --rate"):
        columns.rate_of(log)
    with pytest.raises(ConfigError, match=r"has no figure 'eto'; did you mean 'eta'"):
        columns.rate_of(log, "eto")
    assert columns.rate_of(log, "eta").values.tolist() == [0.1, 0.1]
    assert columns.loss_of(log, "cost")[1].values.tolist() == [3.0, 2.0]


def test_the_loss_of_evaluations_is_taken_where_there_are_enough(tmp_path):
    rows = [f"{i},{3 - i / 100},{2 if i % 5 == 0 else ''}" for i in range(100)]
    (tmp_path / "log.csv").write_text("step,train_loss,val_loss\n" + "\n".join(rows))
    assert columns.loss_of(only(tmp_path / "log.csv"))[0] == "val_loss"
    (tmp_path / "log.csv").write_text("step,train_loss,val_loss\n" + "\n".join(rows[:40]))
    assert columns.loss_of(only(tmp_path / "log.csv"))[0] == "train_loss"


def test_rates_between_those_logged_are_on_a_line():
    log = only(WRITTEN / "transformers")
    rates = columns.curve_of(log).rates
    assert len(rates) == 40
    assert rates[10:] == pytest.approx(1e-3 * (1 - np.arange(10, 40) / 40))


def test_a_folder_of_several_kinds_is_read_run_by_run(tmp_path):
    shutil.copytree(WRITTEN / "transformers", tmp_path / "hf" / "run10")
    shutil.copytree(WRITTEN / "transformers", tmp_path / "hf" / "run9")
    shutil.copytree(WRITTEN / "tensorboardX", tmp_path / "tb")
    (tmp_path / "weights.csv").write_text("a,b\n1,2\n")
    (tmp_path / "config.json").write_text("{}")
    assert [log.name for log in find.read(tmp_path)] == ["hf/run9", "hf/run10", "tb"]


def test_a_state_by_another_name_is_known_by_what_it_holds(tmp_path):
    state = (WRITTEN / "transformers" / "checkpoint-40" / "trainer_state.json").read_text()
    (tmp_path / "cosine.json").write_text(state)
    assert only(tmp_path).name == "cosine.json"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"log_history": 3}', json.dumps({"log_history": []})])
def test_what_is_no_log_is_refused(content, tmp_path):
    for name in ("trainer_state.json", "log.csv", "run.wandb", "log.parquet", "a.tfevents.1"):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(content)
        with pytest.raises(ConfigError):
            find.read(folder)


def test_a_place_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="that is there, got"):
        find.read(tmp_path / "nothing")


def test_messages_that_are_cut_off_are_malformed():
    for message in (b"\x08", b"\x12\x05ab", b"\x0b", b"\x09\0\0", b"\xff" * 11):
        with pytest.raises(protobuf.Malformed):
            list(protobuf.fields(message))
    assert protobuf.signed((1 << 64) - 3) == -3
