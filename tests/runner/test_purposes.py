"""What a setting is for is said once, on its field, and all who ask go by that."""

import dataclasses
import json

import pytest
import yaml

from runner.compare.arms import arms
from runner.launch.manifest import Manifest, key_of
from runner.range_test.auto import _key
from runner.settings.config import RunSettings, flat
from runner.settings.purposes import may_change, purpose_of
from runner.settings.rules import purposes

SETTINGS = purposes(RunSettings)
LEAVES = [path for path in SETTINGS if "." in path or path in ("seed", "plugins")]
AUTO_IGNORES = {"seed", "trainer.epochs", "trainer.steps", "trainer.tokens"}

FREE = {"tracking.uri", "tracking.experiment", "tracking.every", "tracking.offline", "tracking.patience"}
FREE |= {"sweep.plan", "sweep.resume", "sweep.stage", "plugins"}
FREE |= {"trainer.deterministic"}
FREE |= {"trainer.device", "trainer.threads", "trainer.checkpoint_seconds", "trainer.checkpoint_steps"}
FREE |= {"trainer.keep_best", "trainer.keep_every", "trainer.keep_most", "trainer.log_grad_norm"}


def config(**changes):
    plain = dataclasses.asdict(RunSettings(model={"name": "mlp"}, schedule={"lr": {"name": "cosine"}}))
    for path, value in changes.items():
        node, _, name = path.rpartition(".")
        (plain[node] if node else plain)[name] = value
    return plain


def test_what_decides_nothing_is_what_was_thought_through():
    assert {path for path, purpose in SETTINGS.items() if not purpose.decides} == FREE


@pytest.mark.parametrize("path", LEAVES)
def test_a_setting_means_the_same_to_all_who_ask(path):
    changed = config(**{path: "another"})
    decides = purpose_of(path).decides
    assert (key_of(changed) != key_of(config())) == decides
    rows = [{k: str(v) for k, v in flat(plain).items()} for plain in (config(), changed)]
    if path != "seed":
        assert (len(set(arms(["cosine", "cosine"], rows))) == 2) == decides
    settings = RunSettings(**config())
    settings.trainer, settings.tracking, settings.sweep = RunSettings().trainer, None, None
    owner, _, name = path.rpartition(".")
    if owner in ("", "trainer") and path not in AUTO_IGNORES:
        before = _key(settings)
        setattr(settings.trainer if owner else settings, name, "another")
        assert (_key(settings) != before) == decides


def test_what_may_change_is_a_budget_or_decides_nothing_or_an_early_stop():
    for path in may_change():
        budget = path in ("trainer.epochs", "trainer.steps", "trainer.tokens")
        assert budget or "early_stop" in path or not purpose_of(path).decides


def test_a_number_is_the_same_however_it_is_written():
    assert key_of(config(**{"trainer.steps": 1e4})) == key_of(config(**{"trainer.steps": 10000}))


def test_jobs_of_an_older_manifest_are_recognised(tmp_path):
    """The first by its key as it was made then, the second by the config that it ran with."""
    ran = {"trainer": {"keep_best": False, "steps": 5, "device": "cpu"}, "seed": 1, "sweep": {"plan": False}}
    job = {"overrides": ["seed=1"], "state": "finished"}
    jobs = [{"number": 0, "key": "ba6bea1991b08e3d", **job}, {"number": 1, "key": "0123456789abcdef", **job}]
    (tmp_path / "manifest.json").write_text(json.dumps(jobs))
    (tmp_path / "1" / "artifacts").mkdir(parents=True)
    (tmp_path / "1" / "artifacts" / "config.yaml").write_text(yaml.safe_dump(ran | {"seed": 2}))
    manifest = Manifest(tmp_path)
    assert manifest.enter([], ran | {"sweep": {"plan": True}}).number == 0
    other = ran | {"seed": 2, "trainer": ran["trainer"] | {"keep_best": True}}
    assert manifest.enter([], other).number == 1
    assert manifest.enter([], ran | {"seed": 3}).number == 2
