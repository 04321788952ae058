"""The recipes' comments, and the table made of them: ``python -m tests.recipes [--write]``."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "conf" / "schedule" / "recipe"
PAGE = ROOT / "docs" / "recipes.md"
BLOCK = re.compile(r"(<!-- recipes: .*? -->\n).*?(<!-- end of recipes -->)", flags=re.DOTALL)
ROW = "| {name} | {model} | {peak} | {warmup} | {shape} | {length} | {source} |\n"


def names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def comments(name: str) -> dict[str, str]:
    """Return a recipe's comments by their headings: ``# source: ...``, continued on ``#   ...``."""
    found: dict[str, str] = {}
    for line in (FOLDER / f"{name}.yaml").read_text().splitlines()[1:]:
        if heading := re.match(r"# (\w+): (.*)", line):
            last = heading[1]
            found[last] = heading[2]
        elif line.startswith("#   "):
            found[last] += " " + line[4:]
    return found


def stated(name: str) -> dict[str, str]:
    """Return what the source states: ``# states: peak ...; warm-up; shape; length``."""
    peak, warmup, shape, length = comments(name)["states"].removeprefix("peak ").split("; ")
    return {"peak": peak, "warmup": warmup, "shape": shape, "length": length}


def row(name: str) -> str:
    """Return a recipe's line of the table."""
    said = comments(name)
    source = re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", said["source"])
    return ROW.format(name=f"`{name}`", model=said["model"], source=source, **stated(name))


def made(text: str) -> str:
    """Return the page with its table as the recipes are now."""
    head = ROW.format(
        name="name",
        model="model",
        peak="peak",
        warmup="warm-up",
        shape="shape",
        length="length",
        source="source",
    )
    table = head + "| --- " * 7 + "|\n" + "".join(row(name) for name in names())
    return BLOCK.sub(lambda found: f"{found[1]}{table}{found[2]}", text)


if __name__ == "__main__":
    before = PAGE.read_text()
    after = made(before)
    if "--write" in sys.argv:
        PAGE.write_text(after)
    elif after != before:
        sys.exit("docs/recipes.md is not up to date: make readme")
