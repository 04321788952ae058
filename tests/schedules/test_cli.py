"""``python -m schedules``: what it prints is what the schedules do, and errors are one line."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schedules
from schedules.__main__ import main
from schedules.inspect.description import describe
from schedules.show import recipes, terminal
from schedules.show.argument import illustrated, read, words
from schedules.units import Horizon

RUN = Horizon(total_steps=1000)


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def run(capsys, *argv):
    code = main(argv)
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def test_list_names_every_schedule_and_fits_the_terminal(capsys):
    lines = run(capsys, "list").splitlines()
    first_words = [line.split()[0] for line in lines if line and line[0] != " "]
    assert first_words[1 : len(schedules.names()) + 1] == schedules.names()
    assert max(map(len, lines)) <= 80


def test_a_pipe_gets_one_line_for_each_schedule(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    lines = run(capsys, "list").splitlines()
    assert [line.split()[0] for line in lines[1 : len(schedules.names()) + 1]] == schedules.names()


@pytest.mark.parametrize("name", schedules.names())
def test_show_prints_the_equation_the_fields_and_code_that_rebuilds_the_schedule(capsys, name):
    out = run(capsys, "show", name)
    about = describe(name)
    assert all(f"  {line}" in out.splitlines() for line in about.equation)
    assert all(re.search(rf"^{field.name} ", out, re.MULTILINE) for field in about.fields)
    argument = read(name)
    code = out.splitlines()[-1]
    assert eval(code, vars(schedules)) == argument.build(RUN, illustrated(argument))


def test_show_prints_the_values_at_the_knots(capsys):
    out = run(capsys, "show", "wsd", "warmup_steps=5%", "peak_value=0.5", "--total-steps", "2000")
    schedule = schedules.build("wsd", total_steps=2000, warmup_steps="5%", peak_value=0.5)
    table = re.findall(r"^  ([\d,]+) +(\S+)$", out, re.MULTILINE)
    assert [int(step.replace(",", "")) for step, _ in table] == [0, 100, 1600, 1999, 2000]
    assert [float(value) for _, value in table] == pytest.approx(
        [schedule(t) for t in (0, 100, 1600, 1999, 2000)], rel=1e-5
    )


def test_show_prints_what_lint_finds(capsys):
    assert "lint: zero-first: the first update" in run(capsys, "show", "cosine:warmup_steps=5%,init_value=0")


@pytest.mark.parametrize("name", schedules.names())
def test_nothing_is_to_be_found_in_the_illustrations(capsys, name):
    assert "lint:" not in run(capsys, "show", name)


def test_show_prints_the_values_on_both_sides_of_a_jump(capsys):
    out = run(capsys, "show", "multistep:milestones=40%,gamma=0.5,peak_value=0.2")
    assert re.findall(r"^  (\d+) +(\S+)$", out, re.MULTILINE)[:3] == [
        ("0", "0.2"),
        ("399", "0.2"),
        ("400", "0.1"),
    ]


def test_all_is_every_schedule(capsys):
    out = run(capsys, "plot", "all")
    assert [line for line in out.splitlines() if line in schedules.names()] == schedules.names()


def test_many_knots_are_counted_not_listed(capsys):
    out = run(capsys, "show", "step:step_size=10")
    assert "and 87 more steps" in out  # drops at 10, 20, ..., 990 but for the 12 listed


def test_a_setting_may_belong_to_one_schedule_or_to_all(capsys):
    out = run(capsys, "plot", "cosine:peak_value=0.4", "linear", "peak_value=0.2")
    assert "learning rate, 0 to 0.4, in 1,000 steps" in out
    assert "cosine (peak_value=0.4)" in out
    assert "Chosen" not in out


def test_words_may_come_after_options(capsys):
    before = run(capsys, "plot", "cosine", "linear", "peak_value=1", "--log")
    assert run(capsys, "plot", "cosine", "--log", "linear", "peak_value=1") == before
    assert run(capsys, "plot", "--log", "cosine", "linear", "peak_value=1") == before


def test_what_was_chosen_for_the_picture_is_said(capsys):
    out = run(capsys, "plot", "cosine", "step", "--momentum", "onecycle")
    assert "learning rate: peak_value=0.1; step: step_size=25%" in out
    assert "momentum: init_value=0.95, peak_value=0.85" in out
    assert "momentum, 0.85 to 0.95" in out


@pytest.mark.parametrize("name", schedules.names())
def test_every_schedule_can_be_pictured_without_settings(name):
    argument = read(name)
    schedule = argument.build(RUN, illustrated(argument))
    drawn = schedules.values(schedule, 1000)
    assert np.isfinite(drawn).all()
    assert name == "constant" or len(set(drawn.tolist())) > 1


def test_illustrations_give_way_to_the_user():
    assert illustrated(read("step:step_size=7")) == {"peak_value": 0.1}
    assert illustrated(read("exponential:gamma=0.9,peak_value=1")) == {}
    assert illustrated(read("cosine:peak_value=1")) == {}
    assert illustrated(read("constant"), "momentum") == {"peak_value": 0.85}


def test_a_momentum_joins_the_schedule_of_its_name(tmp_path, capsys):
    out = tmp_path / "plots" / "plan.svg"
    momentum = "onecycle:init_value=0.95,peak_value=0.8"
    text = run(capsys, "plot", "onecycle", "cosine", "--momentum", momentum, "--out", str(out))
    assert text.startswith(f"wrote {out}\n")
    assert out.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("lst", "no command is named 'lst'; did you mean 'list'?"),
        ("list all", "list takes no arguments, got 'all'"),
        ("plot", "the following arguments are required: SCHEDULE"),
        ("show gamma=1", "at least one schedule must be named"),
        ("show cosin", "no schedule is named 'cosin'; did you mean 'cosine'?"),
        ("show cosine warmup=5%", "cosine has no field 'warmup'; did you mean 'warmup_steps'?"),
        ("show wsd cosine:power=-1", "power must be a number > 0, got -1"),
        ("show step:gamma", "a setting must be key=value, got 'gamma'"),
        ("show cosine end_value=", "a setting must be key=value, got 'end_value='"),
        ("show multistep:milestones=80,30", "milestones must not fall, got (80, 30)"),
        ("show cosine every=1ep", "every = '1ep' needs steps_per_epoch"),
        ("plot cosine cosine", "each schedule must be given once, got 'cosine' twice"),
        ("plot cosine --momentum onecyle", "did you mean 'onecycle'?"),
        ("plot cosine --totl-steps 5", "no option is named '--totl-steps'; did you mean '--total-steps'?"),
        ("plot cosine --total-steps 0", "--total-steps: must be a whole number >= 1, got '0'"),
        ("plot cosine --total-steps 1.5", "--total-steps: must be a whole number >= 1, got '1.5'"),
        ("plot cosine --grid", "--grid and --title are for a picture in a file, and need --out"),
        ("plot cosine --momentum cosine --grid --out x.png", "a grid must be of one hyper-parameter"),
        ("plot cosine --out picture.gif", "must end in .png, .svg, .pdf, got 'picture.gif'"),
        ("plot cosine --out /dev/null/picture.png", "cannot write '/dev/null'"),
    ],
)
def test_an_error_of_the_user_is_one_line_and_code_2(capsys, argv, message):
    assert main(argv.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("schedules: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("argv", [["--help"], ["show", "--help"], ["plot", "-h"]])
def test_help_explains_how_to_write_a_schedule(capsys, argv):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 0
    assert "cosine:warmup_steps=5%,end_value=10%" in capsys.readouterr().out


def test_examples_in_the_help_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in ("show", "plot"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        examples = re.findall(r"^  python -m schedules (.*)$", capsys.readouterr().out, re.MULTILINE)
        assert len(examples) >= 2
        for example in examples:
            run(capsys, *example.split())


def test_a_reader_who_leaves_early_is_no_error():
    show = [sys.executable, "-m", "schedules", "show", *schedules.names()]
    shown = subprocess.Popen(show, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert shown.stdout is not None
    assert shown.stderr is not None
    shown.stdout.readline()
    shown.stdout.close()
    assert shown.stderr.read() == b""
    shown.stderr.close()
    assert shown.wait() in (0, 141)  # 0 where all of it fits the pipe


def test_looking_at_schedules_imports_nothing_heavy():
    code = (
        "import sys; from schedules.__main__ import main; main(['list']); main(['plot', 'cosine'])\n"
        "heavy = {'torch', 'mlflow', 'hydra', 'omegaconf', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_text_stands_out_on_a_terminal_only(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminal.bold(Terminal())("cosine") == "\033[1mcosine\033[0m"
    assert terminal.bold(io.StringIO())("cosine") == "cosine"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.bold(Terminal())("cosine") == "cosine"


def test_bars_are_made_of_what_the_stream_can_write():
    assert terminal.blocks(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == terminal.BLOCKS
    assert terminal.blocks(io.TextIOWrapper(io.BytesIO(), encoding="latin-1")) == terminal.ASCII_BLOCKS


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 6))
def test_a_bar_is_as_high_as_its_number(parts, height):
    columns = ["".join(column) for column in zip(*terminal.bars(np.array(parts), height), strict=True)]
    levels = [sum(" ▁▂▃▄▅▆▇█".index(block) for block in column) for column in columns]
    most = 8 * height - 1
    assert levels == pytest.approx([1 + part * most for part in parts], abs=0.5 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.text("abc ", min_size=1, max_size=60)] * 3), min_size=1, max_size=5),
    st.integers(45, 120),
)
def test_a_table_keeps_every_letter_and_its_width(rows, width):
    lines = terminal.table(rows, width)
    assert max(map(len, lines)) <= width
    written = sorted("".join(lines).replace(" ", ""))
    assert written == sorted("".join("".join(row) for row in rows).replace(" ", ""))


scalars = st.one_of(
    st.integers(0, 1000),
    st.floats(0, 10, allow_nan=False),
    st.integers(1, 100).map("{}%".format),
    st.sampled_from(["linear", "3ep", "2e6ex"]),
)


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["gamma", "peak_value", "warmup_steps"]), scalars),
    st.lists(scalars, min_size=1, max_size=4),
)
def test_settings_are_read_as_they_are_written(own, milestones):
    given_settings = {**own, "milestones": milestones, "every": 3}
    text = words(given_settings).replace(", ", ",")
    assert read(f"multistep:{text}").settings == given_settings


def test_a_schedules_own_setting_wins_over_the_shared_one():
    assert read("cosine:power=2", ["power=3", "k_decay=none"]).settings == {"power": 2, "k_decay": None}


def test_a_published_recipe_is_shown_and_plotted(capsys):
    out = run(capsys, "show", "recipe/llama3_405b")
    assert "source: Grattafiori et al. 2024, arXiv:2407.21783" in out
    assert "MultiStage(peak_value=8e-05" in out
    assert "recipe/llama3_405b" in run(capsys, "plot", "recipe/llama3_405b", "cosine")
    assert "recipe/minicpm" in run(capsys, "list")
    assert main(["show", "recipe/lama3"]) == 2
    assert "did you mean 'recipe/llama3_405b'" in capsys.readouterr().err


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_can_be_pictured(name):
    argument = read(name)
    curve = argument.build(RUN, illustrated(argument))
    assert np.isfinite(schedules.values(curve, 1000)).all()


PLUGIN = """
from dataclasses import dataclass
import schedules

@schedules.register("from_a_plugin")
@dataclass(frozen=True, kw_only=True)
class FromAPlugin:
    peak_value: float = 0.5
    def __call__(self, step):
        return self.peak_value * min(1.0, (step + 1) / 100) * 0.999**step
"""


def test_a_plugin_s_schedule_is_known_by_its_package(tmp_path):
    (tmp_path / "my_plugin.py").write_text(PLUGIN)
    command = [sys.executable, "-m", "schedules", "plot", "from_a_plugin", "--plugins", "my_plugin"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "from_a_plugin" in done.stdout


def test_a_plugin_that_is_not_there_is_named(capsys):
    assert main(["--plugins=no_such_package", "list"]) == 2
    assert "--plugins must name importable packages, got 'no_such_package'" in capsys.readouterr().err
