"""The arrows between the rooms: runner -> schedules and never back; each framework at its own door."""

import ast
import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def imported(file: Path) -> set[str]:
    """Top-level names that a file imports from outside its own package, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("file", files("schedules"), ids=lambda f: str(f.relative_to(ROOT)))
def test_schedules_is_pure(file):
    outside = {"torch", "hydra", "omegaconf", "mlflow", "runner"} - (
        {"torch"} if "pytorch" in file.parts else set()
    )
    assert not imported(file) & outside


DOORS = {
    "mlflow": {"tracking/access.py", "tracking/store.py", "tracking/delivery.py"}
    | {"compare/archive.py", "service/stores.py"},
    "hydra": {"__main__.py", "settings/config.py", "settings/messages.py", "settings/overrides.py"}
    | {"sweep/callback.py", "sweep/session.py", "sweep/sweeper.py", "sweep/space.py"}
    | {"launch/launcher.py", "launch/options.py", "launch/plugins.py"},
    "omegaconf": {"__main__.py", "dispatch.py", "settings/config.py", "settings/messages.py"}
    | {
        "run/start.py",
        "run/stored_plan.py",
        "run/resume.py",
        "run/artifacts.py",
        "range_test/start.py",
        "range_test/auto.py",
    }
    | {"sweep/callback.py", "sweep/sweeper.py", "launch/launcher.py", "launch/jobs.py"}
    | {"launch/options.py", "launch/preflight.py", "launch/description.py", "launch/worker.py"},
    "optuna": {"sweep/search.py"},
}


@pytest.mark.parametrize("file", files("runner"), ids=lambda f: str(f.relative_to(ROOT)))
def test_each_framework_has_its_door(file):
    for name, allowed in DOORS.items():
        assert name not in imported(file) or str(file.relative_to(ROOT / "runner")) in allowed


ROOMS = {
    "runner": "words errors version extras console settings record logs trainables registries data tasks "
    "datasets models optimizers tracking training commands run service range_test sweep callback recording "
    "integrations compare notebook foresight study dispatch launch __main__",
}
"""The rooms of a package from the ground up: a file may import from its own room and from those before it."""

MODULES_OF = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for package in ("runner", "schedules")
    for file in files(package)
}


def imports_of(module: str) -> set[str]:
    """Modules of ours that a module imports, wherever the import stands and whatever does it."""
    file = MODULES_OF[module]
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            found |= {name if (name := f"{base}.{a.name}") in MODULES_OF else base for a in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            named = node.args[0]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                found.add(importlib.util.resolve_name(named.value, package))
    return found & MODULES_OF.keys()


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("module", [m for m in MODULES_OF if m.startswith("runner.")])
def test_every_import_points_down_the_order_of_the_rooms(module):
    order = ROOMS["runner"].split()
    assert room_of(module) in order, "a new room has to be entered in the order"
    above = order[order.index(room_of(module)) + 1 :]
    assert not {other for other in imports_of(module) if room_of(other) in above}


@pytest.mark.parametrize("package", ["runner", "schedules"])
def test_no_files_import_each_other_in_a_circle(package):
    left = {m: {o for o in imports_of(m) if o != m} for m in MODULES_OF if m.split(".")[0] == package}
    while free := {module for module, others in left.items() if not others & left.keys()}:
        left = {module: others for module, others in left.items() if module not in free}
    assert not left, "these import each other, directly or not"


def test_no_module_rebinds_a_global_name():
    rebound = {
        str(file.relative_to(ROOT)): node.names
        for file in files("runner")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Global)
    }
    assert not rebound


def loaded(code: str) -> set[str]:
    """Modules in memory after running ``code`` in a fresh process."""
    script = (
        f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_schedules_brings_numpy_and_nothing_heavier():
    modules = loaded("import schedules")
    assert "numpy" in modules
    assert not modules & {"torch", "matplotlib", "hydra", "omegaconf", "mlflow", "rich", "scipy", "jax"}


def test_help_imports_neither_torch_nor_mlflow_nor_numpy():
    modules = loaded("sys.argv = ['runner', '--help']; from runner.__main__ import main; main()")
    assert "hydra" in modules
    assert not modules & {"torch", "mlflow", "numpy", "matplotlib", "sklearn", "ray"}


MODULES = [info.name for info in pkgutil.iter_modules([str(ROOT / "schedules")]) if info.name != "__main__"]


def test_no_function_has_the_name_of_a_module():
    import schedules

    # names.py holds the tables' class; it is imported before the function, so the function is what stays
    assert set(schedules.__all__) & set(MODULES) == {"names"}


@pytest.mark.parametrize(
    "module", ["inspect.linting", "building", "inspect.description", "names", "interop.with_optax"]
)
def test_functions_are_functions_whatever_was_imported_first(module):
    script = f"""
import importlib, sys
importlib.import_module('schedules.{module}')
import schedules.{module}
from schedules import *
assert 'linear' in schedules.names()
assert schedules.lint(schedules.build('linear', total_steps=9, peak_value=1.0), 9) == []
assert schedules.describe('linear').name == 'linear'
assert not [name for name in schedules.__all__ if type(getattr(schedules, name)) is type(sys)]
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_public_names_are_what_all_lists():
    import schedules

    assert sorted(schedules.__all__) == list(dict.fromkeys(sorted(schedules.__all__)))
    for name in schedules.__all__:
        assert getattr(schedules, name) is not None
