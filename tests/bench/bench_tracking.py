"""What keeping every step costs: a bare loop, ours, MLflow's own ways and Lightning's, side by side.

Each contender trains the same model on the same batches under the same plan in a process of its own, and
keeps learning rate, momentum and loss of every step in a new SQLite store. Imports and opening the store
come before the clock. Bare and ours take turns for some rounds: ``x bare`` is the median of the rounds'
ratios, ``x best`` the fastest against the fastest, ``x cpu`` the same of processor time, which a busy machine
disturbs least. ``in all`` is the time until the last point is in the store.

Usage: ``python tests/bench/bench_tracking.py [--json FILE] [--rounds 3] [--quick]``
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

COSTS: dict[str, tuple[int, list[str]]] = {  # steps, settings
    "tiny default": (5000, []),
    "about 0.6 ms": (2000, ["model.hidden=[256,256]"]),
    "about 5 ms": (400, ["model.hidden=[512,512]", "trainer.batch_size=128"]),
}
GOALS = {"tiny default": 1.10, "about 0.6 ms": 1.05, "about 5 ms": 1.05}
TIMES_FASTER = 8.0
Measured = dict[str, Any]
CPU = [0.0]  # seconds of processor time that this process's loop took


@contextmanager
def counting_processor_time() -> Iterator[None]:
    began = time.process_time()
    yield
    CPU[0] = time.process_time() - began


def experiment_of(overrides: list[str], steps: int | None) -> Any:
    from hydra import compose, initialize_config_module

    from runner.launch.plugins import register
    from runner.settings.config import load
    from runner.training.build import build

    register()
    asked = [*overrides, *([f"trainer.steps={steps}"] if steps else [])]
    with initialize_config_module("conf", version_base="1.3"):
        settings = load(compose("config", asked), asked)
    return settings, build(settings)


def plain_loop(made: Any, keep: Callable[[int, dict[str, float], Any], None]) -> float:
    """Train, handing each step to ``keep``; return the seconds it took."""
    model, optimizer = made.model, made.optimizer
    began = time.perf_counter()
    model.train()
    with counting_processor_time():
        for step in range(made.total_steps):
            values = made.write(step)
            inputs, targets = made.batches(step)
            loss = made.loss_of(model(inputs), targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            keep(step, values, loss)
            if (step + 1) % made.batches.steps_per_epoch == 0 or step + 1 == made.total_steps:
                made.evaluate_at(step + 1)
    return time.perf_counter() - began


def bare(made: Any, settings: Any, folder: Path) -> tuple[float, float]:
    seconds = plain_loop(made, lambda step, values, loss: None)
    return seconds, seconds


def ours(made: Any, settings: Any, folder: Path) -> tuple[float, float]:
    """What ``python -m runner`` does between opening the store and the last point in it."""
    from runner.record.directory import Ending, Order, RunDirectory, now
    from runner.run.start import _train
    from runner.tracking.courier import Courier
    from runner.training.signals import listening

    directory = RunDirectory(folder)
    messenger = Courier(folder / "uploader.log")
    order = Order("bench", f"sqlite:///{folder}/mlflow.db", "bench", "bench", {}, {}, now())
    directory.write(order)
    messenger.open(directory, offline=False)
    began = time.perf_counter()
    with listening() as stop, counting_processor_time():
        _train(settings, made, directory, messenger, stop, None)
    trained = time.perf_counter()
    messenger.end(directory, Ending("FINISHED", now()))
    if not messenger.wait([directory], 120.0):
        raise SystemExit("not delivered")
    return trained - began, time.perf_counter() - began


def log_metrics(made: Any, settings: Any, folder: Path, synchronous: bool = True) -> tuple[float, float]:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("bench")
    mlflow.start_run()

    def keep(step: int, values: dict[str, float], loss: Any) -> None:
        mlflow.log_metrics({**values, "loss": loss.item()}, step=step, synchronous=synchronous)

    began = time.perf_counter()
    seconds = plain_loop(made, keep)
    if not synchronous:
        mlflow.flush_async_logging()
    mlflow.end_run()
    return seconds, time.perf_counter() - began


def log_asynchronously(made: Any, settings: Any, folder: Path) -> tuple[float, float]:
    return log_metrics(made, settings, folder, synchronous=False)


def lightning_logger(made: Any, settings: Any, folder: Path) -> tuple[float, float]:
    import logging
    import warnings

    import lightning
    import torch
    from lightning.pytorch.loggers import MLFlowLogger

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = made.model

        def training_step(self, batch: Any, index: int) -> Any:
            loss = made.loss_of(self.model(batch[0]), batch[1])
            self.log_dict({**self.values, "loss": loss})
            return loss

        def on_train_batch_start(self, batch: Any, index: int) -> None:
            self.values = made.write(self.global_step)

        def on_train_batch_end(self, outputs: Any, batch: Any, index: int) -> None:
            finished = self.global_step
            if finished % made.batches.steps_per_epoch == 0 or finished == made.total_steps:
                made.evaluate_at(finished)

        def configure_optimizers(self) -> Any:
            return made.optimizer

        def on_train_start(self) -> None:
            self.began, self.processor = time.perf_counter(), time.process_time()

        def on_train_end(self) -> None:
            self.seconds = time.perf_counter() - self.began
            CPU[0] = time.process_time() - self.processor

    class Steps(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return int(made.total_steps)

        def __getitem__(self, step: int) -> Any:
            return made.batches(step)

    logger = MLFlowLogger("bench", tracking_uri=f"sqlite:///{folder}/mlflow.db")
    assert logger.run_id  # opens the store
    module = Module()
    trainer = lightning.Trainer(
        max_steps=made.total_steps, logger=logger, log_every_n_steps=1, accelerator="cpu",
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, torch.utils.data.DataLoader(Steps(), batch_size=None))
    return module.seconds, time.perf_counter() - module.began


CONTENDERS: dict[str, Callable[[Any, Any, Path], tuple[float, float]]] = {
    "bare loop": bare,
    "ours": ours,
    "log_metrics": log_metrics,
    "log_metrics(synchronous=False)": log_asynchronously,
    "Lightning, MLFlowLogger": lightning_logger,
}


def resident() -> float:
    """Memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def compete(contender: str, cost: str, steps: int) -> None:
    """In a process of its own: train once, print what it took."""
    settings, made = experiment_of(COSTS[cost][1], steps)
    with tempfile.TemporaryDirectory() as folder:
        for step in range(30):  # the first calls of everything, uncounted
            inputs, targets = made.batches(step)
            made.loss_of(made.model(inputs), targets).backward()
        made.optimizer.zero_grad(set_to_none=True)
        before = resident()
        in_loop, delivered = CONTENDERS[contender](made, settings, Path(folder))
        grown = resident() - before
        print(json.dumps({"loop_s": in_loop, "total_s": delivered, "cpu_s": CPU[0], "grown_mb": grown}))


def measured(contender: str, cost: str, steps: int) -> Measured:
    """Run a contender; its store is thrown away."""
    command = [sys.executable, __file__, "--contender", contender, "--cost", cost, "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{contender}, {cost}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1]) | {"steps": steps}


def overhead(rounds: int, quick: bool) -> list[Measured]:
    """Every contender at every cost, with ratios to the bare loop of the same round."""
    names = [n for n in CONTENDERS if not n.startswith("Lightning") or importlib.util.find_spec("lightning")]
    table = []
    titles = ("ms/step", "x bare", "x best", "x cpu", "goal", "in all s", "ours is")
    print(f"{'step':13} {'contender':31} {'steps':>5} ", *(f"{title:>8}" for title in titles))
    for cost, (steps, _) in COSTS.items():
        steps = steps // 10 if quick else steps
        found: dict[str, list[Measured]] = {name: [] for name in names}
        for turn in range(rounds):
            for name in names:
                if turn == 0 or name in ("bare loop", "ours"):  # the others' ratios are large
                    found[name].append(measured(name, cost, steps))
        ours_s = statistics.median(each["total_s"] for each in found["ours"])
        for name in names:
            bare_runs = found["bare loop"]
            best, cpu = (
                min(e[key] for e in found[name]) / min(e[key] for e in bare_runs)
                for key in ("loop_s", "cpu_s")
            )
            ratios = [a["loop_s"] / b["loop_s"] for a, b in zip(found[name], bare_runs, strict=False)]
            row = {
                "step": cost,
                "contender": name,
                "steps": steps,
                "ms_per_step": 1e3 * statistics.median(e["loop_s"] for e in found[name]) / steps,
                "ratio": statistics.median(ratios),
                "ratios": ratios,
                "ratio_of_fastest": best,
                "ratio_of_processor_time": cpu,
                "total_s": statistics.median(e["total_s"] for e in found[name]),
            }
            row["ours_times_faster"] = row["total_s"] / ours_s
            table.append(row)
            goal = f"{GOALS[cost]:.2f}" if name == "ours" else "-"
            ratios = [f"{times:7.2f}x" for times in (row["ratio"], best, cpu)]
            figures = [f"{row['ms_per_step']:8.3f}", *ratios, f"{goal:>8}", f"{row['total_s']:8.2f}"]
            print(
                f"{cost:13} {name:31} {steps:5d} ", *figures, f"{row['ours_times_faster']:7.1f}x", flush=True
            )
    return table


def start_up(repeats: int) -> Measured:
    """Seconds from the command to ``--help`` and to the first step, on a store that exists."""
    runner = [sys.executable, "-m", "runner"]
    helped, first = [], []
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        for number in range(repeats + 1):  # the first one makes the store and fills the caches
            began = time.time()
            subprocess.run([*runner, "--help"], cwd=folder, env=env, capture_output=True, check=True)
            helped.append(time.time() - began)
            began = time.time()
            job = [*runner, "trainer.steps=64", f"hydra.run.dir=run{number}"]
            subprocess.run(job, cwd=folder, env=env, capture_output=True, check=True)
            from runner.record.journal import read

            first.append(int(read(Path(folder, f"run{number}", "steps.journal"))["time"][0]) / 1e3 - began)
    found = {"help_s": statistics.median(helped[1:]), "first_step_s": statistics.median(first[1:])}
    print(f"\n--help {found['help_s']:.2f} s (goal < 0.6); first step after {found['first_step_s']:.2f} s")
    return found


def deliver(uri: str, folder: Path, steps: int) -> float:
    """Return the points per second that one uploader brings to a store."""
    from runner.record.directory import Ending, Order, RunDirectory, now
    from runner.record.journal import Journal
    from runner.tracking.delivery import Delivery

    directory = RunDirectory(folder)
    directory.write(Order("bench", uri, "bench", "bench", {}, {}, now()))
    with Journal(directory.steps, ["lr", "momentum", "loss"]) as journal:
        for step in range(steps):
            journal.append(step, (0.1, 0.9, 1.0 / (step + 1)))
    delivery = Delivery(directory)
    directory.write(Ending("FINISHED", now()))
    began = time.perf_counter()
    with redirect_stdout(sys.stderr):  # where a run is to be viewed
        delivery.advance()
    return 3 * steps / (time.perf_counter() - began)


def throughput(steps: int) -> Measured:
    """Points per second to SQLite, and to ``mlflow server`` on SQLite and PostgreSQL."""
    import gc

    import pytest

    from runner.tracking.uploader import clean_environment

    clean_environment()
    from runner.tracking import delivery  # noqa: F401
    from tests.runner.processes import SERVERS

    gc.collect()
    gc.freeze()  # as the uploader does
    found: Measured = {}
    with tempfile.TemporaryDirectory() as folder:
        found["sqlite"] = deliver(f"sqlite:///{folder}/mlflow.db", Path(folder), steps)
    for name, serve in SERVERS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                with serve(Path(folder)) as server:
                    server.start()
                    run = Path(folder, "run")
                    run.mkdir()
                    found[f"server on {name}"] = deliver(server.uri, run, steps)
            except pytest.skip.Exception as reason:
                print(f"server on {name}: skipped, {reason}")
    for name, rate in found.items():
        print(f"delivered to {name:18} {rate:8.0f} points a second")
    return found


def memory(steps: int) -> Measured:
    """How much the training process grows, against a run of a tenth of the steps."""
    short, long = (measured("ours", "tiny default", n)["grown_mb"] for n in (steps // 10, steps))
    print(f"memory: {short:.1f} MB grown in {steps // 10} steps, {long:.1f} MB in {steps}")
    return {"steps": steps, "grown_mb": long, "grown_mb_in_a_tenth": short}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--rounds", type=int, default=3, help="how often bare and ours take turns")
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--cost", choices=COSTS, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        compete(options.contender, options.cost, options.steps)
        return
    scale = 10 if options.quick else 1
    found = {
        "overhead": overhead(options.rounds, options.quick),
        "start_up": start_up(5 // scale + 1),
        "points_per_second": throughput(30_000 // scale),
        "memory": memory(40_000 // scale),
    }
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
