"""Lightning's and Transformers' loops, recorded: each by the real framework."""

import subprocess
import sys

import pytest
import torch
from torch.nn import functional

from runner.record.journal import read

STEPS = 12
INPUTS = torch.randn(48, 4, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS.sum(dim=1, keepdim=True)


def rate_at(step):
    return 0.1 * (1 - step / STEPS)


@pytest.fixture(scope="module")
def pl():
    return pytest.importorskip("lightning.pytorch")


@pytest.fixture
def module(pl):
    class Module(pl.LightningModule):
        def __init__(self, lr=0.1, width=1, breaks_at=None):
            super().__init__()
            self.save_hyperparameters("lr", "width")
            self.layer = torch.nn.Linear(4, width)
            self.breaks_at = breaks_at

        def training_step(self, batch, number):
            if self.breaks_at is not None and self.global_step == self.breaks_at:
                raise RuntimeError("the loader broke")
            loss = functional.mse_loss(self.layer(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch, number):
            loss = functional.mse_loss(self.layer(batch[0]), batch[1])
            self.log_dict({"val_loss": loss, "val_acc": 0.5})

        def configure_optimizers(self):
            optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)
            scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / STEPS)
            return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    return Module


@pytest.fixture
def fit(pl, module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(INPUTS, TARGETS), batch_size=8)

    def trained(logger, steps=STEPS, ckpt_path=None, **arguments):
        from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint

        trainer = pl.Trainer(
            max_steps=steps,
            logger=logger,
            log_every_n_steps=1,
            callbacks=[
                LearningRateMonitor("step", log_momentum=True),
                ModelCheckpoint(every_n_train_steps=6, save_top_k=-1),
            ],
            enable_progress_bar=False,
            enable_model_summary=False,
            accelerator="cpu",
        )
        trainer.fit(module(**arguments), data, data, ckpt_path=ckpt_path, weights_only=False)

    return trained


@pytest.mark.slow
def test_lightning_is_recorded_and_goes_on_after_an_exception(fit, tmp_path, store, capsys):
    from runner.integrations import RecordLogger

    first = RecordLogger(schedule="linear", sweep="theirs")
    with pytest.raises(RuntimeError, match="the loader broke"):
        fit(first, breaks_at=9)
    assert first.experiment.directory.ending.tags["reason"] == "the loader broke"

    (saved,) = tmp_path.rglob("*step=6.ckpt")
    logger = RecordLogger(schedule="linear", sweep="theirs", resume=True)
    fit(logger, ckpt_path=saved)
    assert "warning: repeating" not in capsys.readouterr().err
    run = logger.experiment
    assert (run.directory.path, run.resumed_at) == (first.experiment.directory.path, 9)
    rows = read(run.directory.steps)
    assert rows["step"].tolist() == list(range(STEPS))
    assert rows["lr"].tolist() == pytest.approx([rate_at(step) for step in range(STEPS)], rel=1e-6)
    assert rows["momentum"].tolist() == pytest.approx([0.9] * STEPS)
    assert read(run.directory.evaluations)["step"].tolist() == [6, 12]
    made = store(tmp_path).client.get_run(run.run_id)
    assert made.info.status == "FINISHED"
    assert {key: made.data.params[key] for key in ("optimizer.lr", "width", "schedule.lr.name")} == {
        "optimizer.lr": "0.1",
        "width": "1",
        "schedule.lr.name": "linear",
    }
    assert made.data.metrics["final/val_accuracy"] == 0.5
    assert [step for step, _ in store(tmp_path).points(made, "loss")] == list(range(STEPS))


@pytest.mark.slow
def test_transformers_are_recorded_and_go_on_from_a_checkpoint(tmp_path, monkeypatch, store):
    transformers = pytest.importorskip("transformers")
    from runner.integrations import RecordCallback

    monkeypatch.chdir(tmp_path)
    data = [{"x": x, "labels": y} for x, y in zip(INPUTS, TARGETS, strict=True)]

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, x, labels):
            predicted = self.layer(x)
            return {"loss": functional.mse_loss(predicted, labels), "logits": predicted}

    class Breaks(transformers.TrainerCallback):
        def on_step_begin(self, args, state, control, **given):
            if state.global_step == 9:
                raise RuntimeError("the loader broke")

    def train(*callbacks, checkpoint=None):
        asked = transformers.TrainingArguments(
            output_dir="out",
            max_steps=STEPS,
            per_device_train_batch_size=8,
            learning_rate=0.1,
            lr_scheduler_type="linear",
            logging_steps=1,
            eval_strategy="steps",
            eval_steps=6,
            save_steps=4,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = transformers.Trainer(
            model=Model(), args=asked, train_dataset=data, eval_dataset=data, callbacks=list(callbacks)
        )
        trainer.train(resume_from_checkpoint=checkpoint)

    first = RecordCallback(sweep="theirs")
    with pytest.raises(RuntimeError, match="the loader broke"):
        train(first, Breaks())
    first.run.fail("the loader broke")  # what the end of the script does
    callback = RecordCallback(sweep="theirs")
    train(callback, checkpoint="out/checkpoint-8")
    run = callback.run
    assert (run.directory.path, run.resumed_at) == (first.run.directory.path, 9)
    rows = read(run.directory.steps)
    assert rows["step"].tolist() == list(range(STEPS))
    assert rows["lr"].tolist() == pytest.approx([rate_at(step) for step in range(STEPS)])
    assert read(run.directory.evaluations)["step"].tolist() == [6, 12]
    made = store(tmp_path).client.get_run(run.run_id)
    told = {key: made.data.params[key] for key in ("optimizer.lr", "total_steps", "seed", "schedule.lr.name")}
    assert told == {"optimizer.lr": "0.1", "total_steps": "12", "seed": "42", "schedule.lr.name": "linear"}
    assert [step for step, _ in store(tmp_path).points(made, "lr")] == list(range(STEPS))


def test_neither_framework_is_imported_before_its_class_is_asked_for():
    code = (
        "import sys, runner, runner.integrations, runner.integrations.of_lightning\n"
        "import runner.integrations.of_transformers\n"
        "assert not {'lightning', 'transformers', 'mlflow', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
