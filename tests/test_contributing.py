"""CONTRIBUTING's example, followed step by step in a copy of the repository: four files, and it all works."""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def steps() -> list[tuple[str, str]]:
    """The numbered steps as (file named first, code block or nothing)."""
    section = TEXT.split("## Add a schedule in four steps")[1].split("\n## ")[0]
    found = []
    for part in re.split(r"^\d\. ", section, flags=re.MULTILINE)[1:]:
        file = re.match(r"`(.*?)`", part)
        code = re.search(r"```\w+\n(.*?)```", part, flags=re.DOTALL)
        assert file is not None
        found.append((file[1], dedent(code[1]) if code else ""))
    return found


@pytest.fixture(scope="module")
def followed(copy_repository, tmp_path_factory):
    """A copy of the repository with the example added as the page says."""
    copy = copy_repository(tmp_path_factory.mktemp("contributing"))
    (formula, code), (public, line), (config, yaml), _ = steps()
    (copy / formula).write_text(code)
    (copy / config).write_text(yaml)
    exports = (copy / public).read_text()
    exports = exports.replace(
        "\n__all__ = [\n", f'\n{line.strip()}\n\n__all__ = [\n    "QuarterCircle",\n', 1
    )
    (copy / public).write_text(exports)
    assert in_copy(copy, "-m", "tests.readme", "--write").returncode == 0
    return copy


def in_copy(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(copy), "PATH": "/usr/bin:/bin", "HOME": str(copy)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )


def test_it_touches_four_files_at_most(followed):
    changed = [
        name
        for name in (str(f.relative_to(followed)) for f in followed.rglob("*") if f.is_file())
        if "__pycache__" not in name
        and (not (ROOT / name).exists() or (ROOT / name).read_bytes() != (followed / name).read_bytes())
    ]
    assert sorted(changed) == sorted(file for file, _ in steps())
    assert len(changed) == 4


def test_every_law_holds_for_it(followed):
    laws = ["-m", "pytest", "-vv", "-p", "no:cacheprovider", "tests/schedules/test_laws.py"]
    done = in_copy(
        followed, *laws, "schedules/families/quarter_circle.py", "-k", "quarter_circle or QuarterCircle"
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 15  # the laws, and its doctest


def test_a_run_and_the_command_line_know_it(followed):
    shown = in_copy(followed, "-m", "schedules", "show", "quarter_circle")
    assert shown.returncode == 0, shown.stderr
    assert "sqrt(1 - (t / T)^2)" in shown.stdout
    composed = in_copy(followed, "-m", "runner", "schedule=quarter_circle", "--cfg", "job")
    assert composed.returncode == 0, composed.stderr
    assert "name: quarter_circle" in composed.stdout
    assert "| `quarter_circle` |" in (followed / "README.md").read_text()
