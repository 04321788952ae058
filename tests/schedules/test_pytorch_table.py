"""A plan on the device gives the values of the plan, inside compiled and captured updates too."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounterWithBackend
from torch.optim import SGD, Adam, AdamW, Optimizer

import schedules
from schedules.pytorch import Plan, Scheduler

TOTAL = 6
LINE = schedules.build("cosine", total_steps=TOTAL, peak_value=1.0, end_value=0.125)
RISE = schedules.build("onecycle", total_steps=TOTAL, init_value=0.95, peak_value=0.85)
PLAN = Plan(lr=LINE, momentum=RISE)


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()


def parameter(device: str = "cpu") -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.full((2, 2), 3.0, device=device))


def tensor_adam(groups: int = 1, device: str = "cpu") -> Adam:
    """Adam whose groups have tensors of their own for the rate and the betas."""
    made = []
    for _ in range(groups):
        lr, first, second = (torch.tensor(x, device=device) for x in (0.01, 0.5, 0.999))
        made.append({"params": [parameter(device)], "lr": lr, "betas": (first, second)})
    lr, betas = torch.tensor(0.01, device=device), (torch.tensor(0.5), torch.tensor(0.999))
    on_cpu = device == "cpu"  # there torch takes tensors one parameter at a time only
    return Adam(made, lr=lr, betas=betas, capturable=not on_cpu, foreach=not on_cpu)


def give_gradients(optimizer: Optimizer, step: int) -> None:
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = torch.full_like(p, 0.1 * (step + 1))


def weights(optimizer: Optimizer) -> list[Tensor]:
    return [p.detach().clone() for g in optimizer.param_groups for p in g["params"]]


def reference(groups: int, steps: int) -> tuple[list[Tensor], list[float]]:
    """Return the weights after a run that writes from the host, and the rates it used."""
    optimizer = tensor_adam(groups)
    write, used = PLAN.bind(optimizer), []
    for step in range(steps):
        write(step)
        used.append(float(optimizer.param_groups[0]["lr"]))
        give_gradients(optimizer, step)
        optimizer.step()
    return weights(optimizer), used


def test_the_table_holds_every_value_and_then_the_last():
    plan = Plan(lr=LINE, momentum=0.9)
    table = plan.table(TOTAL, dtype=torch.float64)
    assert list(table) == ["lr", "momentum"]
    assert table["lr"].tolist() == pytest.approx([LINE(t) for t in range(TOTAL + 1)], rel=1e-15)

    optimizer = SGD([parameter()], lr=torch.tensor(0.0), momentum=torch.tensor(0.5))
    write = table.bind(optimizer)
    for step in (0, 3, TOTAL, TOTAL + 1, 10**9):
        written = write(torch.tensor(step))
        assert float(optimizer.param_groups[0]["lr"]) == float(written["lr"]) == pytest.approx(LINE(step))
        assert float(optimizer.param_groups[0]["momentum"]) == pytest.approx(0.9)


def test_binding_touches_nothing_and_tensors_stay():
    optimizer = tensor_adam()
    held = optimizer.param_groups[0]
    lr, betas = held["lr"], held["betas"]
    write = PLAN.table(TOTAL).bind(optimizer)
    assert (float(lr), float(betas[0])) == (pytest.approx(0.01), pytest.approx(0.5))

    write(torch.tensor(2))

    assert held["lr"] is lr
    assert held["betas"][0] is betas[0]
    assert (float(lr), float(betas[0])) == (pytest.approx(LINE(2)), pytest.approx(RISE(2)))


def test_scales_starts_and_group_plans_hold_in_the_table():
    def one(**entries: object) -> dict[str, object]:
        return {"params": [parameter()], "lr": torch.tensor(0.1), **entries}

    optimizer = SGD([one(), one(lr_scale=0.5), one(start_step=2), one(name="head"), one(lr_scale=0.5)])
    plan = Plan(lr=LINE, groups={"head": Plan(lr=0.25)})
    writer, write = plan.bind(copy.deepcopy(optimizer)), plan.table(TOTAL).bind(optimizer)
    for step in range(TOTAL + 3):
        expected, written = writer(step), write(torch.tensor(step))
        rates = [float(g["lr"]) for g in optimizer.param_groups]
        assert {k: float(v) for k, v in written.items()} == pytest.approx(expected)
        assert rates == pytest.approx(writer.per_group("lr", step))


def test_a_short_table_holds_its_last_value_for_each_clock():
    made = [{"params": [parameter()], "lr": torch.tensor(0.1), **e} for e in ({}, {"start_step": 2})]
    optimizer = SGD(made)
    write = Plan(lr=LINE).table(3).bind(optimizer)
    found = []
    for step in (0, 3, 4, 5, 9):
        write(torch.tensor(step))
        found.append([float(g["lr"]) for g in optimizer.param_groups])
    expected = [(0, 0), (3, 1), (3, 2), (3, 3), (3, 3)]
    assert found == [pytest.approx([LINE(a), LINE(b)]) for a, b in expected]


def test_weight_decay_is_read_from_the_table():
    optimizer = AdamW([parameter()], lr=torch.tensor(0.1), weight_decay=torch.tensor(0.0), foreach=False)
    Plan(weight_decay=LINE).table(TOTAL).bind(optimizer)(torch.tensor(3))
    give_gradients(optimizer, 0)
    optimizer.step()
    assert float(optimizer.param_groups[0]["weight_decay"]) == pytest.approx(LINE(3))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(momentum=0.9), r"betas\[0\] of group 0 must be a tensor"),
        (Plan(weight_decay=0.1), "weight_decay of group 0 must be a tensor to be written in a graph, got 0"),
    ],
)
def test_a_number_that_a_graph_would_freeze_is_refused(plan: Plan, message: str):
    with pytest.raises(ValueError, match=message):
        plan.table(TOTAL).bind(Adam([parameter()], lr=torch.tensor(0.1)))


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True])
def test_a_table_without_steps_is_refused(wrong: object):
    with pytest.raises(ValueError, match="total_steps must be a whole number >= 1"):
        PLAN.table(wrong)


@pytest.mark.parametrize("change", ["add", "load"])
def test_changed_groups_need_a_new_binding(change: str):
    optimizer = tensor_adam()
    write = PLAN.table(TOTAL).bind(optimizer)
    if change == "add":
        optimizer.add_param_group({"params": [parameter()]})
    else:
        optimizer.load_state_dict(optimizer.state_dict())
    with pytest.raises(RuntimeError, match="bind the table again"):
        write(torch.tensor(0))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_update_follows_the_plan_without_compiling_again(backend: str):
    optimizer, counter = tensor_adam(groups=2), CompileCounterWithBackend(backend)
    write, step, used, graphs = PLAN.table(TOTAL).bind(optimizer), torch.tensor(0), [], []

    @torch.compile(backend=counter)
    def update() -> None:
        write(step)
        optimizer.step()
        step.add_(1)

    for count in range(TOTAL + 2):
        give_gradients(optimizer, count)
        update()
        used.append(float(optimizer.param_groups[0]["lr"]))
        graphs.append(counter.frame_count)
    expected, rates = reference(groups=2, steps=TOTAL + 2)

    assert used == rates
    torch.testing.assert_close(weights(optimizer), expected)
    assert graphs[1:] == [graphs[1]] * (TOTAL + 1)


def test_inductor_follows_the_plan():
    """Only the write: compiling all of Adam takes half a minute."""
    optimizer = tensor_adam()
    write, step, used = PLAN.table(TOTAL).bind(optimizer), torch.tensor(0), []

    @torch.compile(backend="inductor", fullgraph=True)
    def update() -> None:
        write(step)
        step.add_(1)

    for _ in range(TOTAL + 2):
        update()
        used.append(float(optimizer.param_groups[0]["lr"]))
    assert used == reference(groups=1, steps=TOTAL + 2)[1]


def test_a_scheduler_does_not_make_a_compiled_step_compile_again():
    optimizer, counter = tensor_adam(), CompileCounterWithBackend("eager")
    scheduler, used = Scheduler(optimizer, PLAN), []
    step = torch.compile(optimizer.step, backend=counter)
    graphs = []
    for count in range(TOTAL):
        give_gradients(optimizer, count)
        step()
        used.append(float(optimizer.param_groups[0]["lr"]))
        scheduler.step()
        graphs.append(counter.frame_count)
    assert used == pytest.approx([LINE(t) for t in range(TOTAL)])
    assert graphs[1:] == [graphs[1]] * (TOTAL - 1)


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@needs_cuda
def test_a_captured_update_follows_the_plan():
    optimizer = tensor_adam(device="cuda")
    table = PLAN.table(TOTAL, device="cuda")
    write, step = table.bind(optimizer), torch.zeros((), dtype=torch.int64, device="cuda")
    give_gradients(optimizer, 0)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # the optimizer makes its state outside of the graph
        optimizer.step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        write(step)
        optimizer.step()
        step.add_(1)
    used = []
    for _ in range(TOTAL + 2):
        graph.replay()
        used.append(float(optimizer.param_groups[0]["lr"]))
    assert used == pytest.approx([LINE(t) for t in range(TOTAL + 2)])


@needs_cuda
def test_a_scheduler_refuses_to_be_captured():
    optimizer = tensor_adam(device="cuda")
    scheduler = Scheduler(optimizer, PLAN)
    give_gradients(optimizer, 0)
    optimizer.step()
    scheduler.step()
    with pytest.raises(RuntimeError, match=r"plan\.table"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        optimizer.step()


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool])
def test_a_table_of_whole_numbers_is_refused(dtype):
    plan = Plan(lr=schedules.build("cosine", total_steps=10, peak_value=0.1))
    with pytest.raises(ValueError, match="dtype must be a floating-point type"):
        plan.table(10, dtype=dtype)
