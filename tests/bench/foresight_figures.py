"""The figures of docs/foresight.md: ``python tests/bench/foresight_figures.py FOLDER``.

FOLDER holds ``runs.csv`` (a row a run: run, schedule, peak_lr, end_lr, warmup_steps, decay_steps,
decay_shape, total_steps, final_val_loss) and ``curves.csv.gz`` (run, step, lr, train_loss, val_loss), made
from the runs of 124M parameters of github.com/fabian-sp/lr-scheduling (MIT).
"""

import csv
import gzip
import math
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from runner.compare.leave_out import rank_agreement
from schedules.theory import Curve, fit, fit_annealing

FITTED = {
    "wsd20": ("wsd 0.2 linear lr={} T=25000",),
    "wsd20, constant": ("wsd 0.2 linear lr={} T=25000", "constant lr={} T=50000"),
    "wsd20, cosine": ("wsd 0.2 linear lr={} T=25000", "cosine to 1e-07 lr={} T=25000"),
    "cosine": ("cosine to 1e-07 lr={} T=25000",),
    "wsd10": ("wsd 0.1 linear lr={} T=25000",),
    "wsd80": ("wsd 0.8 linear lr={} T=25000",),
}
HEAD = (
    "fitted on (25k)",
    "peak",
    "law",
    "runs",
    "rank",
    "rank, 25k",
    "rank, 50k",
    "wsd",
    "cosine",
    "all",
    "largest",
)


def rates_of(row):
    """The rate of every update, as the authors' code sets it."""
    total, peak, end = int(row["total_steps"]), float(row["peak_lr"]), float(row["end_lr"] or 0)
    warmup, step = int(row["warmup_steps"]), np.arange(int(row["total_steps"]))
    if row["schedule"] == "cosine":
        rise = peak / 100 + (peak - peak / 100) * (1 - np.cos(np.pi * step / (warmup - 1))) / 2
        turned = (1 + np.cos(np.pi * (step - warmup + 1) / (total - warmup))) / 2
        return np.where(step < warmup - 1, rise, end + (peak - end) * turned)
    rates = np.where(step < warmup, peak * (step / warmup + (1 - step / warmup) / 100), peak)
    if row["schedule"] == "wsd":
        decay = int(row["decay_steps"])
        done = np.clip((step - (total - decay)) / decay, 0, 1)
        rates = rates * (1 - (done if row["decay_shape"] == "linear" else np.sqrt(done)))
    return rates


def read(folder):
    """The curves and the final losses of the 124M runs."""
    with (folder / "runs.csv").open() as file:
        rows = {row["run"]: row for row in csv.DictReader(file) if row["run"].startswith("124M")}
    losses = defaultdict(dict)
    with gzip.open(folder / "curves.csv.gz", "rt") as file:
        for point in csv.DictReader(file):
            if point["run"] in rows and point["val_loss"]:
                losses[point["run"]][int(point["step"])] = float(point["val_loss"])
    curves = {
        name: Curve(rates_of(row), np.array(list(losses[name])), np.array(list(losses[name].values())), name)
        for name, row in rows.items()
    }
    return curves, {name: float(row["final_val_loss"]) for name, row in rows.items()}


def cell(law, curves, ends, names):
    """Rank correlations, mean errors in thousandths of a nat, and how many ends lie in the band."""
    said = {name: law.predict(curves[name].rates) for name in names}
    offset = np.mean([ends[name] - curves[name].losses[-1] for name in names])
    error = {name: abs(said[name].loss + offset - ends[name]) for name in names}

    def rank(part):
        chosen = [name for name in names if part in name]
        return rank_agreement([said[n].loss for n in chosen], [ends[n] for n in chosen]) or math.nan

    def mean(part):
        return 1000 * np.mean([held for name, held in error.items() if part in name])

    inside = sum(error[name] <= said[name].half_width for name in names)
    figures = [f"{rank('124M'):.3f}", f"{rank('T=25000'):.2f}", f"{rank('T=50000'):.2f}"]
    figures += [f"{mean('wsd'):.1f}", f"{mean('cosine'):.1f}", f"{mean(''):.1f}"]
    return [str(len(names)), *figures, f"{1000 * max(error.values()):.1f}"], inside


def main(folder):
    """Print the table: each law on each cell, not the best."""
    curves, ends = read(folder)
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    inside, count = defaultdict(int), 0
    for peak in ("0.0001", "0.0005", "0.001"):
        for label, forms in FITTED.items():
            used = [f"124M {form.format(peak)}" for form in forms]
            names = [n for n in curves if f"lr={peak} " in n and n not in used and "constant" not in n]
            count += len(names)
            for make in (fit, fit_annealing):
                law = make([curves[name] for name in used])
                figures, held = cell(law, curves, ends, names)
                inside[law.form.name] += held
                print(f"| {' | '.join([label, f'{float(peak):g}', law.form.name, *figures])} |")
    for name, held in inside.items():
        print(f"\nwithin the band, {name}: {held} of {count}, {100 * held / count:.0f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
