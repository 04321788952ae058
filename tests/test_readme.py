"""The README's claims that can be checked without running a sweep."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_module

import schedules
from runner.launch.plugins import register
from runner.settings.config import load

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def test_it_is_short_and_its_table_is_up_to_date():
    assert len(TEXT.splitlines()) < 150
    done = subprocess.run(
        [sys.executable, "-m", "tests.readme"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in schedules.names():
        assert f"| `{name}` |" in TEXT


def test_its_pictures_exist():
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", TEXT):
        assert (ROOT / picture).stat().st_size > 10_000


def test_every_make_target_it_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert (
        set(re.findall(r"make ([a-z]+)", " ".join([*blocks("bash"), *re.findall(r"`(make .*?)`", TEXT)])))
        <= targets
    )


COMMANDS = [
    line.split("#")[0].split()[3:]
    for block in blocks("bash")
    for line in block.splitlines()
    if " -m runner " in line and "-m schedule" not in line and "--help" not in line
]


@pytest.mark.parametrize("overrides", COMMANDS, ids=" ".join)
def test_every_run_it_names_composes(overrides):
    register()
    with initialize_config_module("conf", version_base="1.3"):
        load(compose("config", overrides=overrides), overrides)


def test_its_loop_runs():
    loop = next(block for block in blocks("python") if "Plan(" in block)
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.5)
    weight.grad = torch.zeros(1)
    names: dict[str, object] = {"optimizer": optimizer}
    exec(loop, names)

    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01, rel=1e-3)
    assert optimizer.param_groups[0]["momentum"] == 0.9
    assert names["lr"](50) == 0.1


def test_its_own_schedule_joins_by_plugin(run, store, tmp_path):
    own = next(block for block in blocks("python") if "sawtooth" in block)
    (tmp_path / "my_package.py").write_text(own)
    done = run(
        tmp_path,
        "runner",
        "plugins=[my_package]",
        "schedule=constant",
        "schedule.lr.name=sawtooth",
        "schedule.lr.cycle_steps=50%",
        "trainer.steps=8",
    )
    assert done.returncode == 0, done.stderr
    [only] = store(tmp_path).runs()
    values = [value for _, value in store(tmp_path).points(only, "lr")]
    assert values == pytest.approx([0.3 * (1 - t % 4 / 4) for t in range(8)])
