"""A captured update that reads its rate from the device table."""

from __future__ import annotations

from pathlib import Path

import torch

import schedules
from schedules.pytorch import Plan
from tests.gpu.claim import Refuted

STEPS = 200


def follows(device: str, folder: Path) -> str:
    """Replay a captured update; compare the rate that the optimizer held at each step with the plan."""
    curve = schedules.build("onecycle", total_steps=STEPS, peak_value=0.1)
    weight = torch.nn.Parameter(torch.ones(8, device=device))
    rate = torch.tensor(0.0, device=device)
    optimizer = torch.optim.Adam([weight], lr=rate, capturable=True)
    weight.grad = torch.ones_like(weight)
    write = Plan(lr=curve).table(STEPS, device=device).bind(optimizer)
    step = torch.zeros((), dtype=torch.int64, device=device)
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
    for _ in range(STEPS):
        graph.replay()
        used.append(float(optimizer.param_groups[0]["lr"]))
    worst = max(abs(u - curve(t)) for t, u in enumerate(used))
    if worst > 1e-7:
        raise Refuted(f"the rate differs from the plan by up to {worst:.1e}")
    return f"{STEPS} replays, largest difference {worst:.0e}"
