"""What the README shows of the code, made from the code: ``python -m tests.readme [--write]``."""

import re
import sys
from pathlib import Path

from schedules.inspect.description import markdown_table

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- schedules: .*? -->\n).*?(<!-- end of schedules -->)", flags=re.DOTALL)


def made(text: str) -> str:
    """Return the README with its generated parts as the code has them now."""
    return BLOCK.sub(lambda found: f"{found[1]}{markdown_table().strip()}\n{found[2]}", text)


if __name__ == "__main__":
    before = README.read_text()
    after = made(before)
    if "--write" in sys.argv:
        README.write_text(after)
    elif after != before:
        sys.exit("README.md is not up to date: make readme")
