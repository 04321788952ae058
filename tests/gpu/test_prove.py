"""The proof skips where there is no GPU, and what needs none is tried on the processor."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def prove(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, str(ROOT / "tests" / "gpu" / "prove.py"), *arguments]
    return subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_it_skips_in_one_line_without_cuda():
    done = prove()
    assert (done.returncode, done.stdout) == (0, "skipped: there is no CUDA device here\n")


@pytest.mark.slow
def test_the_processor_proves_what_needs_no_gpu_and_names_the_rest():
    assert verdicts(prove("--device", "cpu", "--only", "token files")) == {"holds": 1, "not tried": 0}
    assert verdicts(prove("--device", "cpu", "--only", "step")) == {"holds": 0, "not tried": 3}


@pytest.mark.slow
@pytest.mark.soak
def test_the_processor_proves_every_claim_that_needs_no_gpu():
    assert verdicts(prove("--device", "cpu")) == {"holds": 13, "not tried": 4}


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    assert done.returncode == 0, done.stdout + done.stderr
    words = ("holds", "not tried")
    return {word: sum(line.startswith(word) for line in done.stdout.splitlines()) for word in words}


def test_a_claim_that_fails_ends_with_code_1(monkeypatch, capsys):
    sys.path.insert(0, str(ROOT))
    from tests.gpu import claims
    from tests.gpu import prove as script
    from tests.gpu.claim import Claim, Refuted

    def refute(device: str, folder: Path) -> str:
        raise Refuted("1.2x a bare loop")

    monkeypatch.setattr(claims, "CLAIMS", [Claim("it is free", refute)])
    assert script.main(["--device", "cpu"]) == 1
    assert "fails" in (printed := capsys.readouterr().out)
    assert "1.2x a bare loop" in printed
