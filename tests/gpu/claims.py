"""The claims about a GPU, from the cheapest to the dearest: under four minutes on one card."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from runner.record.directory import RunDirectory
from runner.record.journal import read
from tests.gpu import graphs, loops
from tests.gpu.claim import ROOT, Claim, Refuted

LLM = ["experiment=llm", "trainer.steps=120", "model.width=64", "model.depth=2"]

RESNET = ["model=resnet", "model.width=8", "dataset=digits", "trainer.epochs=2"]


def command(folder: Path, *arguments: str) -> str:
    """Run ``python -m <arguments>`` in a folder; return what it printed."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    if done.returncode:
        raise Refuted(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def train(device: str, folder: Path, *overrides: str) -> str:
    """Train one run on the device; return its last loss, and refuse one that did not fall."""
    command(folder, "runner", f"trainer.device={device}", "hydra.run.dir=run", *overrides)
    loss = read(RunDirectory(folder / "run").steps)["loss"]
    first, last = float(np.mean(loss[:5])), float(np.mean(loss[-5:]))
    if not last < first:
        raise Refuted(f"the loss went from {first:.4f} to {last:.4f}")
    return f"loss {first:.3f} to {last:.3f} in {len(loss)} steps"


def resumes(device: str, folder: Path, *overrides: str) -> str:
    """Kill and resume a run; return what the command says where it equals one that was left alone."""
    printed = command(
        folder, "runner", "verify-resume", "--kills", "2", f"trainer.device={device}", *overrides
    )
    if "DIFFERENT" in printed:
        raise Refuted(" ".join(line for line in printed.splitlines() if "DIFFERENT" in line))
    return f"{printed.count('same ')} comparisons, all equal"


def streams(device: str, folder: Path) -> str:
    """Train on token files that are read from the disk in pinned memory while the device computes."""
    draw = np.random.default_rng(0)
    for name, count in (("train", 400_000), ("val", 20_000)):
        (draw.zipf(1.5, count) % 512).astype("<u2").tofile(folder / f"{name}.bin")
    data = ["dataset=tokens", f"dataset.train={folder}/train.bin", f"dataset.val={folder}/val.bin"]
    data += ["dataset.vocab_size=512", "dataset.context=64", "model=gpt", "model.width=64", "model.depth=2"]
    return train(device, folder, *data, "optimizer=adamw", "optimizer.lr=0.003", "trainer.steps=200")


def repeats(device: str, folder: Path) -> str:
    """Run a sweep whose jobs share the device; compare each with the same run trained alone, bit for bit."""
    budget = [f"trainer.device={device}", "trainer.epochs=3"]
    places = ["hydra.launcher.slots=2", "hydra.sweep.dir=sweep"]
    command(folder, "runner", "-m", "schedule=constant,cosine", "seed=0,1", *budget, *places)
    swept = {}
    for end_file in sorted((folder / "sweep").glob("*/end.json")):
        job = RunDirectory(end_file.parent)
        swept[str(job.order.params["schedule.lr.name"]), str(job.order.params["seed"])] = read(job.steps)[
            "loss"
        ]
    if len(swept) != 4:
        raise Refuted(f"{len(swept)} of 4 jobs ended")
    for (name, seed), losses in swept.items():
        if seed == "1":
            command(folder, "runner", f"schedule={name}", "seed=1", *budget, f"hydra.run.dir={name}")
            alone = read(RunDirectory(folder / name).steps)["loss"]
            if not np.array_equal(losses, alone):
                raise Refuted(f"{name}: {np.sum(losses != alone)} of {len(alone)} losses differ")
    return "4 jobs of 2 at a time; 2 of them trained alone, too, all losses equal"


def together(device: str, folder: Path, parallel: str) -> str:
    """Train under torchrun with one process."""
    starter = ["torch.distributed.run", "--standalone", "--nproc-per-node=1", "-m", "runner"]
    run = [
        f"trainer.parallel={parallel}",
        f"trainer.device={device}",
        "trainer.epochs=3",
        "hydra.run.dir=run",
    ]
    command(folder, *starter, *run)
    ending = RunDirectory(folder / "run").ending
    if ending is None or ending.status != "FINISHED":
        raise Refuted(f"the run ended as {ending}")
    return f"val loss {ending.metrics['final/val_loss']:.3f}"


CLAIMS = [
    Claim("the default run trains", lambda device, folder: train(device, folder)),
    Claim("the default run resumes bit for bit", lambda device, folder: resumes(device, folder)),
    Claim("a language model trains", lambda device, folder: train(device, folder, *LLM)),
    Claim("a language model resumes bit for bit", lambda device, folder: resumes(device, folder, *LLM)),
    Claim("a convolutional network resumes bit for bit", lambda d, folder: resumes(d, folder, *RESNET)),
    Claim("bf16 resumes bit for bit", lambda d, folder: resumes(d, folder, *LLM, "trainer.precision=bf16")),
    Claim("fp16 resumes bit for bit", lambda d, folder: resumes(d, folder, *LLM, "trainer.precision=fp16")),
    Claim(
        "torch.compile trains",
        lambda device, folder: train(device, folder, "trainer.compile=true", "trainer.epochs=3"),
    ),
    Claim("the jobs of a sweep train side by side as alone", repeats),
    Claim("token files stream while the device computes", streams),
    Claim(
        "a captured graph with the device table follows the plan", graphs.follows, needs_cuda=True, alone=True
    ),
    Claim("no step waits for the device", loops.waits, needs_cuda=True, alone=True),
    Claim("logging every step costs <= 1.05x a bare loop", loops.cost, needs_cuda=True, alone=True),
    Claim(
        "logging every step of GPT-2 (124M, bf16) costs <= 1.05x",
        loops.cost_of_gpt2,
        needs_cuda=True,
        alone=True,
    ),
    Claim("DDP trains on one device", lambda device, folder: together(device, folder, "ddp")),
    Claim("FSDP trains on one device", lambda device, folder: together(device, folder, "fsdp")),
]
