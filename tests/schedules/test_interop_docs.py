"""Every row of docs/peers.md is run: the peer's statement and ours give the same values."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.optim import lr_scheduler, swa_utils

import schedules
from schedules.interop import optax_builders, pieces

PAGE = (Path(__file__).parents[2] / "docs" / "peers.md").read_text()
T, W, LR, LOW = 40, 8, 0.8, 0.05
NAMES = vars(schedules) | vars(pieces) | {"lr": LR, "low": LOW, "T": T, "W": W}


def rows(heading):
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line.strip("|").split(" | ") for line in section.splitlines() if re.match(r"\| [^-]", line)][1:]


def code(cell):
    found = re.search(r"`([^`]+)`", cell)
    assert found, cell
    return found.group(1)


def both(heading):
    return [pytest.param(code(cells[0]), code(cells[1]), id=code(cells[0])) for cells in rows(heading)]


def agree(one, other):
    assert [one(t) for t in range(T)] == pytest.approx([other(t) for t in range(T)], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("theirs", "ours"), both("torch"))
def test_torch(theirs, ours):
    o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR, momentum=0.9)
    scheduler = eval(theirs, NAMES | vars(lr_scheduler) | vars(swa_utils) | {"o": o})
    held = []
    for _ in range(T):
        held.append(o.param_groups[0]["lr"])
        o.step()
        scheduler.step()
    schedule = eval(ours, dict(NAMES))
    assert [schedule(t) for t in range(T)] == pytest.approx(held, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("theirs", "ours"), both("transformers"))
def test_transformers(theirs, ours):
    def get_scheduler(name, o, warmup=None, total=None, specific=None):
        return schedules.from_transformers(
            name,
            learning_rate=LR,
            num_warmup_steps=warmup,
            num_training_steps=total,
            **(specific or {}),
        )

    agree(eval(theirs, NAMES | {"get_scheduler": get_scheduler, "o": None}), eval(ours, dict(NAMES)))


@pytest.mark.parametrize(("theirs", "ours"), both("timm"))
def test_timm(theirs, ours):
    def create_scheduler_v2(o, sched, **said):
        return schedules.from_timm(lr=LR, sched=sched, **said)

    peer = eval(theirs, NAMES | {"create_scheduler_v2": create_scheduler_v2, "o": None})
    agree(peer, eval(ours, dict(NAMES)))


@pytest.mark.parametrize(("theirs", "ours"), both("optax"))
def test_optax(theirs, ours):
    optax = SimpleNamespace(**optax_builders.BUILDERS)
    agree(eval(theirs, NAMES | {"optax": optax}), eval(ours, dict(NAMES)))


@pytest.mark.parametrize("cells", rows("The first updates, library by library"), ids=lambda cells: cells[0])
def test_first_updates(cells):
    schedule = eval(code(cells[7]), dict(NAMES))
    assert [schedule(t) for t in (0, 1, 3, 4, 5, 9)] == pytest.approx(
        [float(x) for x in cells[1:7]], abs=5e-4
    )


def test_every_name_that_is_read_has_a_row():
    from schedules.interop import torch_readers, transformers_builders

    said = {"torch": torch_readers.READERS, "transformers": transformers_builders.BUILDERS}
    said["optax"] = [name for name in optax_builders.BUILDERS if name != "join_schedules"]
    for heading, names in said.items():
        cells = " ".join(row[0] for row in rows(heading))
        assert [name for name in names if not re.search(rf"\b{name}\b", cells)] == []
