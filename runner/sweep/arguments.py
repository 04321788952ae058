"""A sweep's command line with its short forms spelled out as Hydra's overrides."""

from __future__ import annotations

MULTIRUN = ("-m", "--multirun")


def spell_out(arguments: list[str]) -> list[str]:
    """Return a sweep's command line with its short forms as Hydra's overrides.

    ``--plan`` is ``sweep.plan=true``; ``sweep.resume=X`` also names the folder of the sweep that goes on.
    ``-m`` comes first: Hydra takes no overrides on both sides of it.

    Raises:
        ConfigError: there is no such sweep.
    """
    from ..record.directory import locate
    from ..settings.overrides import quoted

    spelled = [each for each in arguments if each in MULTIRUN]
    for each in (each for each in arguments if each not in MULTIRUN):
        key, _, value = each.partition("=")
        if each == "--plan":
            spelled.append("sweep.plan=true")
        elif key == "sweep.resume" and value not in ("", "null"):
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            path = quoted(str(locate(value[1:-1] if is_quoted else value, key).path))
            spelled += [f"{key}={path}", f"hydra.sweep.dir={path}"]
        else:
            spelled.append(each)
    return spelled
