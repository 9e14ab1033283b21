"""One expert: imitation of demonstrations, and of a dataset's own successes; small but real runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from conftest import play_randomly, shrunk

from skills.data import importing, minari, sources
from skills.data.transitions import Transitions
from skills.discovery import discover
from skills.errors import USAGE, SkillsError
from skills.evaluation.ablate import ablate
from skills.evaluation.calibration import compare
from skills.evaluation.evaluate import read_numbers
from skills.files import read_arrays
from skills.learning import matrix
from skills.learning.batches import Batches, BatchSettings
from skills.learning.classes import Classes
from skills.learning.matrix import SCALES, Rewards
from skills.learning.policy import Policy
from skills.playing.rollout import Rollouts
from skills.progress import silent, silent_reporter
from skills.runs import demonstrations
from skills.runs.configure import make_config
from skills.runs.folder import STAGES, RunFolder, open_or_create
from skills.runs.reading import read
from skills.runs.relabel import relabel
from skills.settings.config import Config, DataConfig, ExpertsConfig, RolloutConfig

DATASET, DATASET_ID = "hopper-random", "skills/hopper/random-v0"
ROWS, SEEDS = 3_000, 2


def tiny(expert: Path | str, **options) -> Config:
    """A configuration that trains in a second."""
    made = make_config(DATASET, preset="smoke", mode="imitation", expert=str(expert), seeds=SEEDS, **options)
    return replace(
        made,
        data=DataConfig(steps=ROWS),
        reward=shrunk(made.reward, hidden=16, batch=16, iterations=60),
        policy=shrunk(made.policy, hidden=16, batch=16, steps=60),
        rollout=RolloutConfig(rollouts=3),
    )


def write_demonstrations(path: Path, transitions: Transitions) -> Path:
    """A file of demonstrations as others write them."""
    ends = np.zeros(len(transitions), bool)
    ends[np.append(transitions.episode_starts[1:], len(transitions)) - 1] = True
    np.savez(
        path,
        observations=transitions.observations,
        actions=transitions.actions,
        next_observations=transitions.next_observations,
        rewards=transitions.rewards,
        terminations=transitions.terminated,
        truncations=ends & ~transitions.terminated,
    )
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder with the data of all these tests."""
    return tmp_path_factory.mktemp("modes")


@pytest.fixture(autouse=True)
def _shared_data(root: Path, monkeypatch: pytest.MonkeyPatch, _own_folders: None) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
    monkeypatch.setenv("SKILLS_RUNS", str(root / "runs"))


@pytest.fixture(scope="module")
def file(root: Path) -> Path:
    """Ten demonstrations of a hopper."""
    return write_demonstrations(root / "demonstrations.npz", play_randomly("Hopper-v5", episodes=10, steps=50, seed=5))


@pytest.fixture
def finished(root: Path, file: Path, _shared_data: None) -> RunFolder:
    """A finished run in imitation mode; made by the first test that asks."""
    run = open_or_create(root / "runs" / "whole", tiny(file, trajectories=2))
    if run.finished_stages() != list(STAGES):
        finish(run)
    return run


def finish(run: RunFolder, last: str = STAGES[-1]) -> list[str]:
    said: list[str] = []
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=said.append, last=last)
    return said


def digests(run: RunFolder, *stages: str) -> dict[str, str]:
    entries = run.manifest["stages"]
    return {name: digest for stage in stages or STAGES for name, digest in entries[stage]["files"].items()}


def test_the_best_demonstrations_are_imitated_and_noted(finished, file):
    known = finished.manifest["expert"]
    whole = demonstrations.load(finished.config, read_own(finished)).source
    best = sorted(np.argsort(-whole.returns)[:2].tolist())
    assert known["episodes"] == best
    assert known["returns"] == pytest.approx(whole.returns[best])
    assert known["name"] == str(file)
    assert len(known["digest"]) == 64
    classes = Classes.load(finished.experts_file)
    assert np.flatnonzero(classes.labels >= 0).tolist() == list(range(ROWS, ROWS + known["steps"]))
    assert Rewards.open(finished.rewards_folder, finished.rows).count == SEEDS


def read_own(run: RunFolder) -> Transitions:
    return sources.load(run.config.dataset, steps=ROWS, rewards=False)


def test_the_union_ends_in_the_demonstrations(finished, file):
    data = read(finished, "auto", silent_reporter, print)
    assert data.expert is not None
    rows = data.expert_rows
    np.testing.assert_array_equal(data.transitions.observations[rows], data.expert.chosen.observations)
    with np.load(file) as stored:
        first = data.expert.source.episode_starts[data.expert.episodes[0]]
        np.testing.assert_allclose(data.transitions.actions[rows[0]], stored["actions"][first])


def test_the_datasets_rewards_are_never_read(finished, file, root, monkeypatch):
    """The same bytes from a dataset whose every reward is NaN; what does read rewards refuses it."""
    folder = root / "minari" / DATASET_ID / "data" / "main_data.hdf5"
    stored = folder.read_bytes()
    with h5py.File(folder, "r+") as opened:
        for episode in opened.values():
            episode["rewards"][:] = np.nan
    try:
        run = open_or_create(root / "runs" / "nan", finished.config)
        finish(run)
        with pytest.raises(SkillsError, match="NaN or infinity in rewards"):
            minari.load(DATASET_ID, DATASET, steps=ROWS, columns="motion")
    finally:
        folder.write_bytes(stored)
    assert digests(run) == digests(finished)
    assert "policy/weights.safetensors" in digests(run)
    assert run.manifest["dataset"]["return_mean"] is None


def test_every_seed_is_another_network(finished):
    policy = Policy.load(finished.policy_folder)
    assert (policy.shape.skills, policy.shape.trunks) == (SEEDS, SEEDS)
    seen = np.repeat(np.linspace(-1, 1, 11)[None], 2, axis=0)
    one, other = policy.act(seen, np.arange(2))
    assert np.abs(one - other).max() > 1e-3


def test_the_score_is_that_of_the_rollouts_with_an_interval_over_seeds(finished):
    document = json.loads(finished.measures_file.read_text())
    summary = document["summary"]
    rollouts = Rollouts.load(finished.rollouts_file)
    assert rollouts.rewards.shape == (SEEDS, 3, 1000)
    assert (rollouts.classes == -1).all()
    returns = rollouts.rewards.sum(axis=-1).mean(axis=1)
    scores = 100 * (returns + 20.272305) / (3234.3 + 20.272305)  # D4RL's references
    assert summary["score"]["value"] == pytest.approx(scores.mean(), abs=1e-4)
    half = 12.7062 * scores.std(ddof=1) / np.sqrt(2)  # the t quantile of one degree of freedom
    assert summary["score"]["high"] - summary["score"]["value"] == pytest.approx(half, rel=1e-3)
    assert summary["return_data_mean"] is None
    assert [skill["label"][:7] for skill in document["skills"]] == ["seed 1:", "seed 2:"]
    assert document["skills"][0]["occupancy_ratio"] is None


def test_the_reward_ranks_the_expert_and_its_spread_is_told(finished):
    summary = json.loads(finished.measures_file.read_text())["summary"]
    assert 0.5 < summary["reward_auc"] <= 1.0
    assert 0.0 < summary["reward_auc_held_out"] <= 1.0
    assert summary["latent_spread"] > 0


def test_calibration_is_compared_by_both_distances(finished):
    with finished.writing():
        table = compare(finished, silent_reporter, print)["ranking"]
    assert list(table) == ["calibration 0.1", "calibration 0"]
    measured = json.loads(finished.measures_file.read_text())
    expected = table["calibration 0.1"]["expected"]
    assert expected["held_out"]["value"] == pytest.approx(measured["summary"]["reward_auc_held_out"], abs=1e-3)
    assert expected["chosen"]["value"] == pytest.approx(measured["summary"]["reward_auc"], abs=2e-3)
    assert measured["ranking"] == table
    for distances in table.values():
        assert all(found["chosen"]["low"] <= found["chosen"]["value"] for found in distances.values())
    assert finished.is_done("measures")


def test_rewards_are_scaled_by_the_dataset_alone(finished, tmp_path):
    """An expert's episode earns a hundred times what others do; the others must still be told apart."""
    data = read(finished, "auto", silent_reporter, lambda line: None).transitions
    labels = np.zeros((len(data), 1), np.float32)
    labels[: len(data) - data.demonstrations] = 0.01
    labels[len(data) - data.demonstrations :] = 1.0
    matrix.write(tmp_path, [labels], data, silent, scaled=True)
    lengths = np.diff(np.append(data.episode_starts, len(data)))[: -len(finished.manifest["expert"]["episodes"])]
    scale = read_arrays(tmp_path / SCALES)["scale"]
    np.testing.assert_allclose(scale, 1000.0 / (0.01 * np.ptp(lengths)), rtol=1e-3)


def test_no_policy_learns_from_the_demonstrations(finished):
    data = read(finished, "auto", silent_reporter, lambda line: None).transitions
    rewards = Rewards.open(finished.rewards_folder, len(data))
    rows, config = len(data) - data.demonstrations, BatchSettings(batch=4 * len(data))
    marked = replace(data, actions=data.actions.copy())
    marked.actions[rows:] = np.nan
    zeros, ones = (make(data.observations.shape[1]) for make in (torch.zeros, torch.ones))
    with Batches(marked, rewards, config, zeros, ones, torch.Generator().manual_seed(0), torch.device("cpu")) as drawn:
        drawn.take()
        assert np.isfinite(drawn.buffers[0].actions.numpy()).all()
        assert len(np.unique(drawn.buffers[0].pairs[:, 0])) > 0.9 * len(np.unique(data.observations[:rows, 0]))


def test_the_dataset_is_labelled_without_the_demonstrations(finished):
    relabel(finished, 1, "skills/test-labelled-v0")
    labelled = minari.load("skills/test-labelled-v0", "labelled", steps=None, columns="motion")
    rewards = Rewards.open(finished.rewards_folder, finished.rows)
    expected = rewards.labels[:ROWS, 1].astype(np.float32) * rewards.scale[1]
    np.testing.assert_allclose(labelled.rewards, expected, rtol=1e-6)


@pytest.mark.parametrize("refused", [read_numbers, lambda run: ablate(run, [], "data", silent_reporter, print)])
def test_what_is_of_many_skills_is_refused(finished, refused):
    with pytest.raises(SkillsError, match="is of many skills") as caught:
        refused(finished)
    assert caught.value.exit_code == USAGE
    assert "skills list" in caught.value.hint


def test_learners_and_makers_are_chosen_by_name(file, root):
    cloned = open_or_create(root / "runs" / "cloned", tiny(file, learner="bc"))
    finish(cloned)
    summary = json.loads(cloned.measures_file.read_text())["summary"]
    assert summary["reward_auc"] is None
    assert summary["score"]["value"] is not None
    true = open_or_create(root / "runs" / "true", tiny(file, maker="true"))
    finish(true, last="rewards")
    labels = Rewards.open(true.rewards_folder, true.rows).labels
    own = sources.load(DATASET, steps=ROWS).rewards
    np.testing.assert_allclose(labels[:ROWS, 0], own, rtol=1e-3, atol=1e-3)
    with pytest.raises(SkillsError, match="no CVAEs"), cloned.writing():
        compare(cloned, silent_reporter, print)


def test_an_expert_of_another_body_is_refused(root, file):
    run = open_or_create(root / "runs" / "misfit", tiny("halfcheetah-random"))
    with pytest.raises(SkillsError, match="of HalfCheetah-v5, and hopper-random of Hopper-v5"):
        finish(run)
    cheetah = write_demonstrations(root / "cheetah.npz", play_randomly("HalfCheetah-v5", episodes=1, steps=5))
    run = open_or_create(root / "runs" / "misfit-file", tiny(cheetah))
    with pytest.raises(SkillsError, match="17 columns; those of Hopper-v5 have 11"):
        finish(run)


def chosen(transitions: Transitions, **options) -> list[int]:
    every = np.arange(len(transitions.episode_starts))
    return demonstrations.choose(transitions, every, ExpertsConfig(**options), 1, "the expert").tolist()


def test_episodes_are_chosen_by_return_or_by_number(hopper):
    assert chosen(hopper, trajectories=3) == sorted(np.argsort(-hopper.returns)[:3].tolist())
    assert chosen(hopper, trajectories=2, episodes=(17, 3)) == [3, 17]


def test_equal_returns_are_drawn_by_the_seed(hopper):
    same = replace(hopper, rewards=np.zeros_like(hopper.rewards))
    every = np.arange(len(same.episode_starts))
    drawn = [
        demonstrations.choose(same, every, ExpertsConfig(trajectories=3), seed, "it").tolist() for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"trajectories": 31}, "has 30 episodes, and 31 are asked for"), ({"episodes": (3, 30)}, "no such choice.*: 30")],
)
def test_episodes_that_are_not_there_are_named(hopper, options, said):
    with pytest.raises(SkillsError, match=said) as caught:
        chosen(hopper, **options)
    assert caught.value.exit_code == USAGE


def in_a_maze(transitions: Transitions, reached: list[int]) -> Transitions:
    """The same rows as if of a maze, in which these episodes reach the goal."""
    rewards = np.zeros(len(transitions), np.float32)
    rewards[np.append(transitions.episode_starts[1:], len(transitions))[reached] - 1] = 1.0
    return replace(transitions, env_id="AntMaze_UMaze-v4", rewards=rewards)


def test_successes_are_the_experts(hopper):
    maze = in_a_maze(hopper, [2, 5, 11])
    found = demonstrations.successes(maze, ExpertsConfig(trajectories=2), seed=1)
    assert set(found.episodes.tolist()) < {2, 5, 11}
    assert maze.episode_starts[found.episodes[0]] == found.rows[0]
    assert demonstrations.successful(maze).tolist() == [2, 5, 11]


def test_no_success_says_how_many_episodes_there_are_and_what_success_is(hopper):
    with pytest.raises(SkillsError, match="None of the 30 episodes of random is a success: a return of 1 or more"):
        demonstrations.successes(in_a_maze(hopper, []), ExpertsConfig(), seed=1)
    with pytest.raises(SkillsError, match="has 1 episodes, and 2 are asked for"):
        demonstrations.successes(in_a_maze(hopper, [4]), ExpertsConfig(trajectories=2), seed=1)
    with pytest.raises(SkillsError, match="Hopper-v5 has no test of success"):
        demonstrations.successes(hopper, ExpertsConfig(), seed=1)


@pytest.mark.parametrize("form", ["npz", "hdf5"])
def test_demonstrations_are_read_from_files(hopper, tmp_path, form, write_columns: Callable[[Path, Transitions], Path]):
    path = write_columns(tmp_path / f"demonstrations.{form}", hopper)
    found = importing.read_file(path, "Hopper-v5", "motion")
    assert found.digest == hopper.digest
    np.testing.assert_array_equal(found.rewards, hopper.rewards)


@pytest.fixture
def write_columns() -> Callable[[Path, Transitions], Path]:
    def write(path: Path, transitions: Transitions) -> Path:
        if path.suffix == ".npz":
            return write_demonstrations(path, transitions)
        with (
            np.load(write_demonstrations(path.with_suffix(".npz"), transitions)) as stored,
            h5py.File(path, "w") as out,
        ):
            for name in stored.files:
                out.create_dataset(name, data=stored[name])
        return path

    return write
