"""The pages of docs/ do what they say: their Python runs in order, commands end well, links lead on."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import schedules

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
GIVEN = {  # what a page speaks of and doesn't make, as its words say
    "peers.md": lambda: {
        "schedules": schedules,
        "schedule": schedules.build("linear", total_steps=40, peak_value=0.1),
        "optimizer": (optimizer := torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 10),
        "total_steps": 40,
    }
}
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page, language):
    """Each block with the number of its first line."""
    text = page.read_text()
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
        yield text[: found.start(1)].count("\n") + 1, found[1]


RUN_ELSEWHERE = {"your-loop.md": "tests/runner/test_recording.py starts it, kills it and starts it again"}


@each_page
def test_its_python_runs(page):
    if page.name in RUN_ELSEWHERE:
        pytest.skip(RUN_ELSEWHERE[page.name])
    names = GIVEN.get(page.name, dict)()
    for line, code in blocks(page, "python"):
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)


COMMANDS = [
    pytest.param(shlex.split(command, comments=True), id=command)
    for page in PAGES
    for _, block in blocks(page, "bash")
    for command in block.splitlines()
    if command.startswith("python -m schedules ")
]


@pytest.mark.parametrize("words", COMMANDS)
def test_its_commands_end_well(words, tmp_path):
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@each_page
def test_its_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
