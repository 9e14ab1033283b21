"""Files that people bring: read as they are, cut into episodes, kept with everything that is in them."""

import json
from pathlib import Path

import gymnasium
import h5py
import minari
import numpy as np
import pytest
from commands import Done, skills
from files import LENGTHS, ROWS, Arrays, hops, write

from skills.bodies.fast import Simulation
from skills.data import importing
from skills.data import minari as reader
from skills.data.transitions import Transitions
from skills.errors import SkillsError

SHARED = Path(__file__).parents[2] / "shared" / "data"
THIRD_PARTY = pytest.mark.skipif(not SHARED.is_dir(), reason="the third-party data are not beside this checkout")
NAME = "mine/hops-v0"
EPISODES = "3 episodes, the longest of 5 rows; 1 ended by themselves."


def brought(path: Path, arrays: Arrays, env_id: str = "Hopper-v5", **options) -> tuple[object, list[str]]:
    """Imports arrays by way of a file; gives the transitions read back and what was said."""
    said: list[str] = []
    importing.import_file(write(path, arrays), NAME, env_id, notify=said.append, **options)
    return reader.load(NAME, NAME, steps=None, columns="motion"), said


@pytest.mark.parametrize("suffix", [".npz", ".hdf5"])
def test_what_is_in_the_file_is_read_back(tmp_path: Path, suffix: str) -> None:
    arrays = hops()
    data, said = brought(tmp_path / f"hops{suffix}", arrays)
    for name in ("observations", "next_observations", "rewards"):
        np.testing.assert_array_equal(getattr(data, name), arrays[name])
    np.testing.assert_allclose(data.actions, arrays["actions"], atol=2e-5)
    assert data.episode_starts.tolist() == [0, 4, 7]
    assert np.flatnonzero(data.terminated).tolist() == [3]
    assert (data.env_id, data.made_here, said) == ("Hopper-v5", False, [EPISODES])
    stored = minari.load_dataset(NAME)
    assert [episode.truncations.any() for episode in stored] == [False, True, True]
    assert stored.recover_environment().spec.id == "Hopper-v5"


def test_an_ant_without_contact_forces_leaves_gymnasium_as_it_is(tmp_path: Path) -> None:
    count = len(hops()["actions"])
    states = np.random.default_rng(0).normal(size=(count + 1, 27))
    arrays = {**hops(), "actions": np.zeros((count, 8)), "observations": states[:-1], "next_observations": states[1:]}
    data, _ = brought(tmp_path / "ant.npz", arrays, "Ant-v5")
    assert data.observations.shape[1] == 27
    assert minari.load_dataset(NAME).recover_environment().observation_space.shape == (27,)
    assert gymnasium.make("Ant-v5").observation_space.shape == (105,)


def test_next_observations_are_derived_inside_an_episode_only(tmp_path: Path) -> None:
    arrays = hops()
    del arrays["next_observations"], arrays["rewards"]
    data, said = brought(tmp_path / "hops.npz", arrays)
    kept = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10]  # less the last rows of the second and third episode
    np.testing.assert_array_equal(data.observations, arrays["observations"][kept])
    following = arrays["observations"][[1, 2, 3, 3, 5, 6, 8, 9, 10, 11]]
    np.testing.assert_array_equal(data.next_observations, following)
    assert not data.rewards.any()
    assert "zeros are stored" in said[0]
    assert "2 episodes" in said[1]


def test_episode_ids_cut_episodes_too(tmp_path: Path) -> None:
    arrays = hops()
    del arrays["timeouts"]
    data, _ = brought(tmp_path / "a.npz", {**arrays, "episode_ids": np.repeat([7, 9, 2], LENGTHS)})
    assert data.episode_starts.tolist() == [0, 4, 7]


@pytest.mark.parametrize("suffix", [".npz", ".hdf5"])
def test_goal_observations_are_put_side_by_side_and_keep_their_names(tmp_path: Path, suffix: str) -> None:
    arrays, generator = hops(), np.random.default_rng(1)
    parts = {"achieved_goal": 2, "desired_goal": 2, "observation": 27}
    for name in ("observations", "next_observations"):
        del arrays[name]
    for part, size in parts.items():
        rows = generator.normal(size=(ROWS + 1, size))
        arrays |= {f"observations/{part}": rows[:-1], f"next_observations/{part}": rows[1:]}
    arrays["actions"] = generator.uniform(-1, 1, (ROWS, 8)).astype(np.float32)
    data, _ = brought(tmp_path / f"maze{suffix}", arrays, "AntMaze_UMaze-v4")
    assert data.observation_parts == tuple(parts.items())
    for column, name in ((0, "achieved_goal"), (2, "desired_goal"), (4, "observation")):
        part = arrays[f"observations/{name}"]
        np.testing.assert_allclose(data.observations[:, column : column + part.shape[1]], part, rtol=1e-6)
    assert minari.load_dataset(NAME)[0].observations["desired_goal"].shape == (LENGTHS[0] + 1, 2)


@pytest.mark.parametrize("values", [np.repeat([4, 4, 9], LENGTHS), np.array(["slow", "slow", "fast"])])
def test_a_label_of_each_row_or_of_each_episode_is_kept(tmp_path: Path, values: np.ndarray) -> None:
    data, _ = brought(tmp_path / "a.npz", {**hops(), "policy": values}, label="policy")
    assert data.labels is not None
    first, last = data.labels[0], data.labels[-1]
    assert first != last
    assert data.labels.tolist() == [first] * 7 + [last] * 5
    names = minari.load_dataset(NAME).storage.metadata["label_names"]
    assert [names[first], names[last]] == [str(values[0]), str(values[-1])]


def test_other_arrays_are_kept_as_infos_and_the_rest_is_named(tmp_path: Path) -> None:
    more = {"infos/qpos": np.random.default_rng(2).normal(size=(ROWS, 6)), "meta": np.array(b"by hand")}
    _, said = brought(tmp_path / "a.hdf5", {**hops(), **more}, licence="CC0")
    stored = minari.load_dataset(NAME)
    np.testing.assert_array_equal(stored[1].infos["qpos"], more["infos/qpos"][4:7])
    assert said == ["Left out, not being numbers of 12 rows: meta.", EPISODES]
    assert stored.storage.metadata["license"] == "CC0"


def test_an_import_never_writes_over_a_dataset(tmp_path: Path) -> None:
    brought(tmp_path / "a.npz", hops())
    before = minari.load_dataset(NAME)[0].rewards
    with pytest.raises(SkillsError, match="already; it is left as it is"):
        brought(tmp_path / "b.npz", hops(seed=1))
    np.testing.assert_array_equal(minari.load_dataset(NAME)[0].rewards, before)


def test_actions_outside_their_space_are_cut_where_that_is_asked_for(tmp_path: Path) -> None:
    arrays = hops()
    arrays["actions"][2, 1] = 1.5
    with pytest.raises(SkillsError, match=r"column 1, in 1 rows: the space is -1 to 1, the actions 1\.5 to 1\.5"):
        brought(tmp_path / "a.npz", arrays)
    data, _ = brought(tmp_path / "a.npz", arrays, clip=True)
    assert data.actions.max() <= 1.0
    assert minari.load_dataset(NAME)[0].infos["unclipped_actions"][2, 1] == 1.5


@THIRD_PARTY
@pytest.mark.parametrize(
    ("name", "env_id", "rows"),
    [
        ("cs285_2023_Ant", "Ant-v5", 2000),
        ("cs285_2023_HalfCheetah", "HalfCheetah-v5", 2000),
        ("cs285_2023_Hopper", "Hopper-v5", 2000),
        ("cs285_2023_Walker2d", "Walker2d-v5", 2000),
        ("dapg_door_human", "AdroitHandDoor-v1", 6704),
        ("opolo_Hopper_3500", "Hopper-v5", 10_000),
    ],
)
def test_demonstrations_that_nobody_here_made_are_imported(name: str, env_id: str, rows: int) -> None:
    path = SHARED / "demos" / f"{name}.npz"
    importing.import_file(path, NAME, env_id, clip=True)
    data = reader.load(NAME, NAME, steps=None, columns="motion")
    arrays = np.load(path)
    assert (len(data), data.env_id) == (rows, env_id)
    np.testing.assert_allclose(data.observations, arrays["observations"].astype(np.float32))
    np.testing.assert_allclose(data.next_observations, arrays["next_observations"].astype(np.float32))
    np.testing.assert_allclose(data.returns.sum(), arrays["rewards"].sum(dtype=np.float64), rtol=1e-6)


@THIRD_PARTY
def test_the_stored_rewards_of_a_third_party_are_those_of_our_simulation() -> None:
    """HalfCheetah's state is its observation, but for x, which no reward depends on."""
    arrays = np.load(SHARED / "demos" / "cs285_2023_HalfCheetah.npz")
    states = arrays["observations"]
    simulation = Simulation("HalfCheetah-v5", len(states))
    simulation.set_state(np.insert(states[:, :8], 0, 0.0, axis=1), states[:, 8:])
    step = simulation.step(arrays["actions"])
    np.testing.assert_allclose(step.rewards, arrays["rewards"], atol=1e-6)
    np.testing.assert_allclose(step.observations, arrays["next_observations"], atol=1e-9)


@pytest.mark.parametrize(("env_id", "strange"), [("HalfCheetah-v5", False), ("Walker2d-v5", True)])
def test_what_moves_as_another_body_is_told(tmp_path: Path, cheetah: Transitions, env_id: str, strange: bool) -> None:
    """A half-cheetah has a walker's numbers of columns and of actions, and moves otherwise."""
    ends = np.zeros(len(cheetah), bool)
    ends[199::200] = True
    arrays = {"observations": cheetah.observations, "actions": cheetah.actions, "timeouts": ends}
    arrays |= {"next_observations": cheetah.next_observations, "rewards": cheetah.rewards}
    _, said = brought(tmp_path / "run.npz", arrays, env_id)
    assert said[0] == "10 episodes, the longest of 200 rows; 0 ended by themselves."
    assert [f"does not move as {env_id} does" in line for line in said[1:]] == [True] * strange
    again: list[str] = []
    importing.read_file(tmp_path / "run.npz", env_id, "motion", again.append)
    assert again == said


@pytest.mark.parametrize(("scale", "strange"), [(0.0, False), (1e6, True)])
def test_a_body_at_rest_is_not_strange_and_numbers_beyond_any_body_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: float, strange: bool
) -> None:
    """Nothing but the line is said, by MuJoCo neither: no log in the user's folder."""
    monkeypatch.chdir(tmp_path)
    states = np.full((50, 17), 0.1) + scale * np.random.default_rng(0).normal(size=(50, 17))
    arrays = {"observations": states, "actions": np.zeros((50, 6)), "terminals": np.zeros(50, bool)}
    _, said = brought(tmp_path / "a.npz", arrays, "HalfCheetah-v5")
    assert sum("does not move" in line for line in said) == strange
    assert not (tmp_path / "MUJOCO_LOG.TXT").exists()


@THIRD_PARTY
@pytest.mark.parametrize(
    ("name", "env_id"),
    [
        ("cs285_2023_Ant", "Ant-v5"),
        ("cs285_2023_Walker2d", "Walker2d-v5"),
        ("opolo_HalfCheetah_6000", "HalfCheetah-v5"),
    ],
)
def test_the_same_body_of_another_version_of_mujoco_is_known(name: str, env_id: str) -> None:
    said: list[str] = []
    importing.read_file(SHARED / "demos" / f"{name}.npz", env_id, "motion", said.append)
    assert not any("does not move" in line for line in said)


def test_the_command_imports_and_shows(tmp_path: Path) -> None:
    def run(*arguments: object) -> Done:
        return skills(tmp_path, "data", *arguments)

    path = write(tmp_path / "hops.hdf5", {**hops(), "policy": np.array([0, 1, 1])})
    done = run("import", path, "--env", "Hopper-v5", "--name", NAME, "--label", "policy", "--licence", "CC0")
    assert (done.returncode, done.stdout) == (0, f"{NAME}\n"), done.stderr
    shown = json.loads(run("show", NAME, "--json").stdout)["local"][0]
    assert (shown["origin"], shown["licence"], shown["labels"]) == ("imported", "CC0", ["0", "1"])
    assert (shown["steps"], sum(shown["returns_histogram"]["counts"])) == (ROWS, 3)
    listed = json.loads(run("list", "--json").stdout)["datasets"]
    mine = next(row for row in listed if row["name"] == NAME)
    assert (mine["env_id"], mine["local"][0]["steps"]) == ("Hopper-v5", ROWS)
    with h5py.File(path) as file:
        assert len(file["actions"]) == ROWS
