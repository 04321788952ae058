"""The package as it is installed: everything in it that a run from any folder needs."""

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


PLUGIN = """
from dataclasses import dataclass

import schedules


@schedules.register("late")
@dataclass(frozen=True, kw_only=True)
class Late:
    total_steps: schedules.fields.OneOrMoreSteps
    peak_value: schedules.fields.Value

    def __post_init__(self):
        schedules.fields.settle(self)

    def __call__(self, step):
        return self.peak_value * (1 - step / self.total_steps)
"""


@pytest.fixture(scope="module")
def installed(copy_repository, tmp_path_factory):
    """The wheel that pip builds of the repository, unpacked into a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    source = copy_repository(tmp_path_factory.mktemp("source"))
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--quiet",
        "--wheel-dir",
        str(folder),
        str(source),
    ]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_it_holds_the_packages_their_config_and_nothing_else(installed):
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"conf", "runner", "schedules"}
    shipped = {str(path.relative_to(installed)) for path in installed.rglob("*.yaml")}
    assert shipped == {str(path.relative_to(ROOT)) for path in (ROOT / "conf").rglob("*.yaml")}
    assert (installed / "schedules" / "py.typed").exists()
    assert (installed / "runner" / "compare" / "show" / "report.html.j2").exists()


def test_its_commands_are_the_two_entry_points(installed):
    [path] = installed.glob("*.dist-info/entry_points.txt")
    entries = configparser.ConfigParser()
    entries.read(path)
    assert dict(entries["console_scripts"]) == {
        "schedule-lab": "runner.__main__:main",
        "schedules": "schedules.__main__:main",
    }


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("runner", ["plugins=[p]", "schedule=late", "trainer.steps=3"], "validation accuracy"),
        ("schedules", ["list"], "onecycle"),
    ],
)
def test_it_runs_from_any_folder(installed, tmp_path, module, arguments, said):
    """Beside other people's packages of our names, and with a plugin of the folder, as the console script."""
    for name in ("conf", "runner", "schedules"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError('another {name}')")
    (tmp_path / "p.py").write_text(PLUGIN)
    script = f"import sys; from {module}.__main__ import main; sys.exit(main())"
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


@pytest.fixture(scope="module")
def alone(installed, tmp_path_factory):
    """A Python with what ``pip install schedule-lab`` brings, and nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    [wheel] = installed.parent.glob("*.whl")
    install = ["--python", str(python), "install", "--quiet", "--constraint", str(ROOT / ".constraints.txt")]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *install, str(wheel)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return python


@pytest.mark.slow
def test_the_library_alone_brings_numpy_alone(alone, tmp_path):
    script = """
import sys, importlib.metadata
import schedules
print(schedules.build("wsd", total_steps=10, peak_value=0.1, warmup_steps="20%", decay_steps="20%")(2))
print(*sorted(each.name for each in importlib.metadata.distributions()))
print(*sorted({"torch", "mlflow", "hydra", "matplotlib", "scipy"} & set(sys.modules)))
"""
    done = subprocess.run([alone, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["0.1", "numpy schedule-lab", ""]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (["bin/schedules", "show", "wsd"], 0, ""),
        (["bin/schedules", "plot", "wsd"], 0, ""),
        (["bin/schedules", "plot", "wsd", "--out", "wsd.png"], 2, "pip install 'schedule-lab[plot]'"),
        (["bin/schedule-lab"], 2, "pip install 'schedule-lab[runner]'"),
        (["bin/python", "-m", "runner", "schedule=cosine"], 2, "pip install 'schedule-lab[runner]'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_the_library_alone_cannot_do_names_the_extra_that_can(alone, tmp_path, command, code, told):
    program, *arguments = command
    line = [alone.parent.parent / program, *arguments]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == (1 if told else 0), done.stderr
