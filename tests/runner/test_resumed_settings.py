"""What the settings of a run came to when it went on: MLflow's params cannot change, so tags say it."""

from runner.compare import reader
from runner.record import keys


def test_settings_that_changed_in_a_resume_are_tags_where_params_cannot_follow(run, store, tmp_path):
    first = ["schedule=constant", "trainer.steps=2", "trainer.early_stop_patience=5", "hydra.run.dir=run"]
    assert run(tmp_path, "runner", *first).returncode == 0
    began = store(tmp_path).runs()[0].data
    assert not [key for key in began.tags if key.startswith("resumed.")]

    longer = run(tmp_path, "runner", "resume=run", "trainer.steps=5", "trainer.early_stop_patience=7")
    assert longer.returncode == 0, longer.stderr
    trained = store(tmp_path).runs()[0]
    params, tags = trained.data.params, trained.data.tags
    assert (params["trainer.steps"], params["total_steps"]) == ("2", "2")
    changed = {key: text for key, text in tags.items() if key.startswith("resumed.")}
    assert changed == {
        "resumed.at": "2",
        "resumed.trainer.steps": "5",
        "resumed.trainer.early_stop_patience": "7",
    }
    assert reader._said(trained)["params"]["trainer.steps"] == "5"

    back = ["resume=run", "trainer.steps=6", "trainer.early_stop_patience=5"]
    assert run(tmp_path, "runner", *back).returncode == 0
    again = store(tmp_path).runs()[0].data
    assert keys.in_force(again.params, again.tags)["trainer.early_stop_patience"] == "5"
