"""The stretches of the dataset that stand for a class, on data whose every state is known."""

from pathlib import Path

import minari
import numpy as np
import pytest

from skills.bodies.environments import load_model
from skills.data import catalog
from skills.data import minari as reader
from skills.data.made import embedded
from skills.data.transitions import Transitions
from skills.errors import NOT_FOUND, SkillsError
from skills.learning.classes import cluster
from skills.runs import exemplars
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create
from skills.videos.films.films import Style, data_film

STEPS = 400


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run on a little hopper data made here, whose classes are cut."""
    entry = catalog.resolve("hopper-random")
    embedded.make(entry, STEPS)
    opened = open_or_create(tmp_path / "run", make_config("hopper-random", preset="smoke", skills=4))
    data = reader.load(str(entry.embedded_id), "hopper-random", steps=STEPS, columns="motion")
    dataset = {"name": "hopper-random", "minari_id": data.minari_id, "env_id": data.env_id, "made_here": True}
    opened.record_dataset({**dataset, "steps": STEPS, "episodes": len(data.episode_starts), "digest": data.digest})
    with opened.stage("experts", [opened.experts_file]):
        cluster(data, 4, opened.config.experts, 0).save(opened.experts_file)
    return opened


def test_a_stretch_is_cut_where_its_class_is_densest(cheetah: Transitions) -> None:
    labels = np.ones(len(cheetah), np.int32)
    labels[[10, 250, 251, 252, 1990, 1999]] = 0  # episodes of 200 steps: 0, 1, 9
    found = exemplars.cut(cheetah, labels, 3, 20)
    assert found.episodes[0, :3].tolist() == [1, 9, 0]
    assert found.own[0].sum(axis=1).tolist() == [3, 2, 1, 0]
    assert found.lengths[0, 3] == 0
    assert not found.lengths[2].any()  # a class without transitions has no stretch
    first, steps = found.starts[0, 0], found.lengths[0, 0]
    assert first <= 50 <= 52 < first + steps
    assert found.share(0) == pytest.approx(6 / found.lengths[0].sum())
    rows = 200 + first + np.arange(steps)
    size = load_model("HalfCheetah-v5").nq
    np.testing.assert_allclose(found.qpos[0, 0, :steps, 1:], cheetah.observations[rows, : size - 1], atol=1e-6)


def test_the_simulators_own_states_are_shown_where_they_were_recorded(run: RunFolder) -> None:
    found = exemplars.find(run)
    assert found.origin == "recorded"
    stored = minari.load_dataset("skills/hopper/random-v0")
    for skill, place in np.argwhere(found.lengths > 0):
        episode = next(iter(stored.iterate_episodes([int(found.episodes[skill, place])])))
        start, steps = found.starts[skill, place], found.lengths[skill, place]
        np.testing.assert_array_equal(
            found.qpos[skill, place, :steps], np.asarray(episode.infos["qpos"][start : start + steps], np.float32)
        )
    kept = exemplars.known(run)
    assert kept is not None
    np.testing.assert_array_equal(kept.qpos, found.qpos)
    film = data_film(found, 0, Style("Hopper-v5"))
    assert film is not None
    assert film.panes[0].own is not None
    assert film.panes[0].own.any()


def test_rebuilt_states_travel_as_the_recorded_ones(run: RunFolder) -> None:
    recorded = exemplars.find(run)
    data = reader.load("skills/hopper/random-v0", "hopper-random", steps=STEPS, columns="motion")
    labels = np.load(run.experts_file)["labels"]
    rebuilt = exemplars.cut(data, labels, 4, recorded.qpos.shape[2])
    assert rebuilt.origin == "rebuilt"
    np.testing.assert_allclose(rebuilt.qpos[..., 1:], recorded.qpos[..., 1:], atol=1e-3)
    way = recorded.qpos[..., 0] - recorded.qpos[..., :1, 0]
    np.testing.assert_allclose(rebuilt.qpos[..., 0], way, atol=0.05)


def test_other_data_are_refused(run: RunFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored = minari.load_dataset("skills/hopper/random-v0")
    monkeypatch.setattr(RunFolder, "manifest", property(lambda self: _with_digest(self, "another")))
    with pytest.raises(SkillsError, match="are not what this run began with"):
        exemplars.find(run)
    assert stored.total_episodes > 0
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "elsewhere"))
    with pytest.raises(SkillsError, match="not on this machine") as caught:
        exemplars.find(run)
    assert caught.value.exit_code == NOT_FOUND


def _with_digest(run: RunFolder, digest: str) -> dict[str, object]:
    from skills.files import read_json

    manifest = read_json(run.path / "manifest.json")
    return {**manifest, "dataset": {**manifest["dataset"], "digest": digest}}
