"""What is claimed of a GPU, tried on the one at hand: a table of claims with a figure each.

Usage: ``python tests/gpu/prove.py [--device cuda]``, or ``make gpu``. Without CUDA it says so in one line.
With ``--device cpu`` the claims that need no GPU are tried on the processor, and the others are named.
Exit code 1 where a claim does not hold.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.gpu.claim import Claim, Refuted


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("prove.py")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--only", metavar="WORD", default="", help="claims whose text holds this word")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("skipped: there is no CUDA device here")
        return 0
    from tests.gpu.claims import CLAIMS

    name = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    print(f"device  {name}, torch {torch.__version__}")
    chosen = [claim for claim in CLAIMS if options.only in claim.text]
    together = [claim for claim in chosen if not claim.alone]
    alone = [claim for claim in chosen if claim.alone]
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2)) as pool:  # most of it is starting processes
        results = list(pool.map(partial(report, device=options.device), together))
    results += [report(claim, options.device) for claim in alone]
    held, skipped = results.count("holds"), results.count("not tried")
    print(f"{held} of {len(chosen)} claims hold, {skipped} were not tried")
    return 1 if "fails" in results else 0


def report(claim: Claim, device: str) -> str:
    """Try one claim and print its line; return ``holds``, ``fails`` or ``not tried``."""
    if claim.needs_cuda and device != "cuda":
        verdict, figure, seconds = "not tried", "needs a CUDA device", 0.0
    else:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="prove-") as folder:
            try:
                verdict, figure = "holds", claim.prove(device, Path(folder))
            except Refuted as error:
                verdict, figure = "fails", str(error)
            except Exception as error:  # another claim may still hold
                traceback.print_exc()
                verdict, figure = "fails", repr(error)
        seconds = time.perf_counter() - began
    print(f"{verdict:9}  {claim.text:62}  {figure}  ({seconds:.0f} s)", flush=True)
    return verdict


if __name__ == "__main__":
    sys.exit(main())
