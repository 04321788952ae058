"""Look at schedules from the command line: ``python -m schedules list | show | plot``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .names import nearest
from .registry import names
from .show import commands
from .show.argument import Argument, read
from .units import Horizon

_ABOUT = """Look at learning-rate schedules.

  list                every schedule, what it is and what it is for
  show SCHEDULE ...   equation, fields, values and a small picture
  plot SCHEDULE ...   several in one picture, in the terminal or in a file
"""

_FORM = """a SCHEDULE is a name, alone or with settings of its own:
  cosine
  cosine:warmup_steps=5%,end_value=10%
  multistep:milestones=50%,75%,gamma=0.5
  all                                       (every schedule there is)
  recipe/llama3_405b                        (as published, scaled to the run; list names them)

A bare key=value is a setting for all of them. Lengths are steps, '5%' of the run, or '3ep' epochs (with
--steps-per-epoch); values are numbers, or '10%' of the peak. What is needed and not given is chosen for
the picture, and the output says so. --plugins my_package,other knows schedules of your own.
"""

_SHOW = """examples:
  python -m schedules show wsd
  python -m schedules show onecycle init_value=1% --total-steps 5000
"""

_PLOT = """examples:
  python -m schedules plot onecycle cosine wsd --out plot.png
  python -m schedules plot wsd:decay_steps=10% wsd:decay_steps=40%,decay_shape=one_minus_sqrt
  python -m schedules plot cosine linear peak_value=0.3 warmup_steps=5% --total-steps 20000 --log
  python -m schedules plot all --grid --out grid.svg
  python -m schedules plot onecycle cosine --momentum onecycle:init_value=0.95,peak_value=0.85
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all of ours."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message.removeprefix("argument "))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 2, with one line on stderr, for a user's error."""
    try:
        _run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except ValueError as error:
        return _refuse(str(error))
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        return _refuse("a picture needs the package matplotlib: pip install 'schedule-lab[plot]'")
    except OSError as error:
        return _refuse(f"cannot write {error.filename!r}: {error.strerror}")
    return 0


def _refuse(message: str) -> int:
    print(f"schedules: {message}", file=sys.stderr)
    return 2


def _run(argv: list[str]) -> None:
    parser, subparsers = _parsers()
    argv = _with_plugins(argv)
    if argv and not argv[0].startswith("-") and argv[0] not in subparsers:
        raise ValueError(f"no command is named {argv[0]!r}; {nearest(argv[0], list(subparsers))}")
    given, rest = parser.parse_known_args(argv)
    known = subparsers.get(given.command, parser)
    for word in rest:
        if word.startswith("-"):
            options = [option for action in known._actions for option in action.option_strings]
            raise ValueError(f"no option is named {word!r}; {nearest(word.partition('=')[0], options)}")
    if given.command is None:
        parser.print_help()
    elif given.command == "list":
        if rest:
            raise ValueError(f"list takes no arguments, got {rest[0]!r}")
        commands.list_all()
    else:
        arguments = _arguments(given.schedules + rest)  # words that came after an option are left in rest
        horizon = Horizon(total_steps=given.total_steps, steps_per_epoch=given.steps_per_epoch)
        if given.command == "show":
            commands.show(arguments, horizon, given.log)
        else:
            momentum = [read(text) for text in given.momentum]
            if given.out is None and (given.grid or given.title):
                raise ValueError("--grid and --title are for a picture in a file, and need --out")
            picture = {"out": given.out, "log": given.log, "grid": given.grid, "title": given.title}
            commands.plot(arguments, momentum, horizon, **picture)


def _with_plugins(argv: list[str]) -> list[str]:
    """Import the packages that ``--plugins`` names; return the other words.

    Raises:
        ValueError: a package cannot be found.
    """
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        option, equals, named = word.partition("=")
        if option != "--plugins":
            rest.append(word)
            continue
        sys.path.insert(0, os.getcwd())
        for name in (named if equals else next(words, "")).split(","):
            try:
                importlib.import_module(name)
            except (ModuleNotFoundError, ValueError) as error:
                raise ValueError(f"--plugins must name importable packages, got {name!r}: {error}") from None
    return rest


def _arguments(texts: list[str]) -> list[Argument]:
    """Read the words of a command: schedules, ``all``, and settings for all of them."""
    shared = [text for text in texts if "=" in text.partition(":")[0]]
    written = [text for text in texts if text not in shared]
    if written == ["all"]:
        written = names()
    if not written:
        raise ValueError(f"at least one schedule must be named; known: {', '.join(names())}")
    return [read(text, shared) for text in written]


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    """Return the parser and those of the commands by name."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="python -m schedules", description=_ABOUT, epilog=_FORM, formatter_class=layout)
    found = parser.add_subparsers(dest="command", metavar="list | show | plot")

    def command(name: str, about: str, examples: str = "") -> _Parser:
        epilog = f"{_FORM}\n{examples}" if examples else ""
        return found.add_parser(name, description=about, epilog=epilog, formatter_class=layout, help=about)

    subparsers = {
        "list": command("list", "List every schedule."),
        "show": command("show", "Say all about a schedule: equation, fields, values, picture.", _SHOW),
        "plot": command("plot", "Draw several schedules in one picture.", _PLOT),
    }
    for name in ("show", "plot"):
        add = subparsers[name].add_argument
        add("schedules", nargs="+", metavar="SCHEDULE", help="NAME, NAME:key=value,... or key=value for all")
        add("--total-steps", type=_count, default=1000, metavar="N", help="length of the run (default 1000)")
        add("--steps-per-epoch", type=_count, metavar="N", help="what '3ep' is measured with")
        add("--log", action="store_true", help="values on a log scale")
    add(
        "--momentum",
        action="append",
        default=[],
        metavar="SCHEDULE",
        help="a momentum, with settings of its own",
    )
    add("--out", type=Path, metavar="FILE", help="write a picture: .png, .svg or .pdf")
    add("--grid", action="store_true", help="in FILE, a small panel for each schedule")
    add("--title", default="", help="a line above the picture in FILE")
    return parser, subparsers


def _count(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number < 1 or not number.is_integer():
        raise argparse.ArgumentTypeError(f"must be a whole number >= 1, got {text!r}")
    return int(number)


if __name__ == "__main__":
    sys.exit(main())
