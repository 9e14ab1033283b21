"""Where people's files say that episodes end, in all the ways in which they say it, and what the next state then is."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from commands import skills
from files import LENGTHS, ROWS, Arrays, hops, write

from skills.data import importing
from skills.data import minari as reader
from skills.data.transitions import Transitions
from skills.errors import USAGE, SkillsError

NAME = "other/ends-v0"


def brought(path: Path, arrays: Arrays, env_id: str = "Hopper-v5", **options) -> tuple[Transitions, list[str]]:
    """Imports arrays by way of a file; gives the transitions read back and what was said."""
    said: list[str] = []
    importing.import_file(write(path, arrays), NAME, env_id, notify=said.append, **options)
    return reader.load(NAME, NAME, steps=None, columns="all"), said


def played(env_id: str, episodes: int, steps: int, **options) -> list[Arrays]:
    """Episodes of Gymnasium's own environment under random actions, each with D4RL's arrays."""
    env = gymnasium.make(env_id, max_episode_steps=steps, **options)
    env.action_space.seed(0)
    found = []
    for seed in range(episodes):
        rows: list[tuple] = []
        observation, _ = env.reset(seed=seed)
        ended = False
        while not ended:
            action = env.action_space.sample()
            following, reward, terminated, truncated, _ = env.step(action)
            rows.append((observation, action, following, reward, terminated, truncated))
            observation, ended = following, terminated or truncated
        names = ("observations", "actions", "next_observations", "rewards", "terminals", "timeouts")
        columns = [np.array(column) for column in zip(*rows, strict=True)]
        found.append(
            {
                name: column if column.dtype == bool else column.astype(np.float32)
                for name, column in zip(names, columns, strict=True)
            }
        )
    return found


def joined(episodes: list[Arrays], *without: str) -> Arrays:
    """Episodes one behind the other."""
    return {name: np.concatenate([one[name] for one in episodes]) for name in episodes[0] if name not in without}


def test_next_observations_of_the_file_are_taken_and_cut_episodes_that_nothing_marks(tmp_path: Path) -> None:
    """What d4rl.qlearning_dataset gives: no timeouts, and no last row of an episode that ended at its limit."""
    episodes = [{name: array[:-1] for name, array in one.items()} for one in played("HalfCheetah-v5", 3, 40)]
    arrays = joined(episodes, "timeouts")
    data, said = brought(tmp_path / "a.npz", arrays, "HalfCheetah-v5")
    np.testing.assert_array_equal(data.next_observations, arrays["next_observations"])
    np.testing.assert_array_equal(data.observations, arrays["observations"])
    assert data.episode_starts.tolist() == [0, 39, 78]
    assert not data.terminated.any()
    assert said == [
        "In 2 rows the next observation is not the following row's, where nothing marks an end: an episode is cut "
        "there, as by a time limit.",
        "3 episodes, the longest of 39 rows; 0 ended by themselves.",
    ]


@pytest.mark.parametrize("suffix", [".npz", ".hdf5"])
@pytest.mark.parametrize("name", ["dones", "done"])
def test_flags_without_a_reason_are_failures_before_the_time_limit(tmp_path: Path, name: str, suffix: str) -> None:
    episodes = played("Hopper-v5", 6, 1000)
    arrays = joined(episodes, "timeouts", "terminals", "next_observations")
    arrays[name] = joined(episodes)["terminals"]
    data, said = brought(tmp_path / f"a{suffix}", arrays)
    assert np.flatnonzero(data.terminated).tolist() == np.flatnonzero(arrays[name]).tolist()
    assert len(data.episode_starts) == 6
    assert f"{name} does not say why episodes end: 6 are taken to have ended by themselves, and 0," in said[1]


def test_flags_without_a_reason_are_ends_by_time_at_the_time_limit(tmp_path: Path) -> None:
    count = 1000 + 12
    rows = np.random.default_rng(0).normal(size=(count, 11))
    dones = np.zeros((count, 1), np.int8)
    dones[[999, 1011]] = 1
    data, said = brought(
        tmp_path / "a.npz",
        {"observations": rows, "actions": np.zeros((count, 3)), "rewards": rows[:, :1], "dones": dones},
    )
    assert np.flatnonzero(data.terminated).tolist() == [len(data) - 1]
    assert data.episode_starts.tolist() == [0, 999]
    assert "1 are taken to have ended by themselves, and 1, as long as the time limit, by that" in " ".join(said)


@pytest.mark.parametrize(
    "names", [("terminated", "truncated"), ("terminations", "truncations"), ("terminateds", "truncateds")]
)
def test_the_names_of_gymnasium_are_known(tmp_path: Path, names: tuple[str, str]) -> None:
    arrays = hops()
    renamed = {names[0]: arrays.pop("terminals"), names[1]: arrays.pop("timeouts")}
    data, said = brought(tmp_path / "a.npz", {**arrays, **renamed})
    assert data.episode_starts.tolist() == [0, 4, 7]
    assert np.flatnonzero(data.terminated).tolist() == [3]
    assert said == ["3 episodes, the longest of 5 rows; 1 ended by themselves."]


def test_the_last_row_of_rlds_is_the_state_after_its_episode(tmp_path: Path) -> None:
    arrays = hops()
    for name in ("terminals", "timeouts", "next_observations"):
        del arrays[name]
    last = np.zeros(ROWS, bool)
    last[np.cumsum(LENGTHS) - 1] = True
    data, _ = brought(tmp_path / "a.npz", {**arrays, "is_last": last})
    assert data.lengths.tolist() == [length - 1 for length in LENGTHS]
    np.testing.assert_array_equal(data.next_observations[2], arrays["observations"][3])
    assert not data.terminated.any()


def test_the_last_row_of_rlds_may_say_that_the_episode_ended_by_itself(tmp_path: Path) -> None:
    arrays = hops()
    last = arrays.pop("terminals") | arrays.pop("timeouts")
    last[-1] = True
    del arrays["next_observations"]
    final = np.zeros(ROWS, bool)
    final[LENGTHS[0] - 1] = True
    data, said = brought(tmp_path / "a.npz", {**arrays, "is_last": last, "is_terminal": final})
    assert data.lengths.tolist() == [length - 1 for length in LENGTHS]
    assert np.flatnonzero(data.terminated).tolist() == [LENGTHS[0] - 2]
    np.testing.assert_array_equal(data.next_observations[2], arrays["observations"][3])
    assert said[-1] == "3 episodes, the longest of 5 rows; 1 ended by themselves."


@pytest.mark.parametrize("name", ["masks", "not_done", "not_dones"])
def test_a_mask_of_0_is_an_end_by_itself(tmp_path: Path, name: str) -> None:
    arrays = hops()
    terminals, timeouts = arrays.pop("terminals"), arrays.pop("timeouts")
    ends = (terminals | timeouts).astype(np.float32)
    data, said = brought(tmp_path / "a.npz", {**arrays, name: 1 - terminals.astype(np.float32), "dones_float": ends})
    assert np.flatnonzero(data.terminated).tolist() == np.flatnonzero(terminals).tolist()
    assert data.episode_starts.tolist() == [0, 4, 7]
    assert said == ["3 episodes, the longest of 5 rows; 1 ended by themselves."]


@pytest.mark.parametrize("masks", [np.ones((ROWS, 2, 2)), np.full(ROWS, 0.5), np.zeros(ROWS)])
def test_masks_that_are_no_flags_are_other_things(tmp_path: Path, masks: np.ndarray) -> None:
    """And where terminals are told, nothing else tells them."""
    data, _ = brought(tmp_path / "a.npz", {**hops(), "masks": masks})
    assert np.flatnonzero(data.terminated).tolist() == [LENGTHS[0] - 1]


def test_next_observations_that_are_the_rows_own_are_refused(tmp_path: Path) -> None:
    arrays = hops()
    with pytest.raises(SkillsError, match="the next observation is the row's own in 12 of 12 rows"):
        brought(tmp_path / "a.npz", {**arrays, "next_observations": arrays["observations"]})


@pytest.mark.parametrize("interleaved", [1, 4])
def test_rows_of_environments_in_turn_are_taken_apart(tmp_path: Path, interleaved: int) -> None:
    episodes = [one for one in played("HalfCheetah-v5", 4, 50)]
    arrays = {name: np.stack([one[name] for one in episodes], axis=1) for name in episodes[0]}
    turns = {name: array.reshape(200, *array.shape[2:]) for name, array in arrays.items()}
    path = write(tmp_path / "a.npz", turns)
    if interleaved == 1:
        done = skills(tmp_path, "data", "import", path, "--env", "HalfCheetah-v5", "--name", NAME)
        assert done.returncode == USAGE
        assert "holds the rows of 4 environments that take turns" in done.stderr
        assert "skills data import FILE --interleaved 4" in done.stderr
        return
    done = skills(tmp_path, "data", "import", path, "--env", "HalfCheetah-v5", "--name", NAME, "--interleaved", 4)
    assert (done.returncode, "4 episodes, the longest of 50 rows" in done.stderr) == (0, True)
    data = reader.load(NAME, NAME, steps=None, columns="all")
    whole = joined(episodes)
    for name in ("observations", "next_observations", "rewards"):
        np.testing.assert_array_equal(getattr(data, name), whole[name])
    assert data.episode_starts.tolist() == [0, 50, 100, 150]


def test_environments_in_turn_without_flags_or_next_observations_do_not_run_into_each_other(tmp_path: Path) -> None:
    episodes = played("HalfCheetah-v5", 3, 20)
    turns = {
        name: np.stack([one[name] for one in episodes], axis=1).reshape(60, -1)
        for name in ("observations", "actions", "rewards")
    }
    data, _ = brought(tmp_path / "a.npz", turns, "HalfCheetah-v5", interleaved=3)
    assert data.episode_starts.tolist() == [0, 19, 38]
    np.testing.assert_array_equal(data.next_observations[:19], episodes[0]["observations"][1:])
    with pytest.raises(SkillsError, match=r"The 60 rows of .* are not those of 7 environments"):
        importing.import_file(tmp_path / "a.npz", "other/b-v0", "HalfCheetah-v5", interleaved=7)


def test_flags_a_row_late_are_read_a_row_up(tmp_path: Path) -> None:
    episodes = played("Hopper-v5", 6, 1000)
    arrays = joined(episodes)
    late = {**arrays, "terminals": np.append(False, arrays["terminals"][:-1])}
    data, said = brought(tmp_path / "a.npz", late)
    assert said[0].startswith("terminals, timeouts: marked a row late")
    ends = np.cumsum([len(one["rewards"]) for one in episodes])
    assert data.episode_starts.tolist() == [0, *ends[:-1].tolist()]
    assert np.flatnonzero(data.terminated).tolist() == (ends[:-1] - 1).tolist()  # the last has no row below it
    np.testing.assert_array_equal(data.next_observations, arrays["next_observations"])


@pytest.mark.parametrize("late", [True, False])
def test_flags_that_seem_a_row_late_are_told_where_there_are_no_next_observations(tmp_path: Path, late: bool) -> None:
    arrays = joined(played("Hopper-v5", 12, 1000), "next_observations")
    arrays["observations"][:, 0] *= 30.0  # so that a fallen hopper is far from one that stands
    if late:
        arrays["terminals"] = np.append(False, arrays["terminals"][:-1])
    _, said = brought(tmp_path / "a.npz", arrays)
    assert [line.startswith("terminals, timeouts seem to be marked a row late") for line in said].count(True) == late


def test_what_nothing_marks_and_what_is_longer_than_the_limit_is_told(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(1501, 11))
    _, said = brought(tmp_path / "a.npz", {"observations": rows, "actions": np.zeros((1501, 3))})
    assert "Nothing marks where an episode ends: all 1,501 rows are taken for one." in said
    assert "An episode of 1,501 rows is longer than the environment's limit of 1,000: is an end missing?" in said


@pytest.mark.parametrize("suffix", [".npz", ".hdf5"])
def test_columns_of_one_number_have_one_reading(tmp_path: Path, suffix: str) -> None:
    arrays = hops()
    for name in ("rewards", "terminals", "timeouts"):
        arrays[name] = arrays[name][:, None]
    data, said = brought(tmp_path / f"a{suffix}", arrays)
    np.testing.assert_array_equal(data.rewards, arrays["rewards"][:, 0])
    assert data.episode_starts.tolist() == [0, 4, 7]
    assert said == ["3 episodes, the longest of 5 rows; 1 ended by themselves."]


@pytest.mark.parametrize("value", [np.nan, 2.0, -1.0])
def test_flags_that_are_neither_0_nor_1_are_refused(tmp_path: Path, value: float) -> None:
    flags = hops()["terminals"].astype(np.float32)
    flags[5] = value
    with pytest.raises(SkillsError, match=rf"terminals are {value} in 1 rows, and neither 0 nor 1"):
        brought(tmp_path / "a.npz", {**hops(), "terminals": flags})


@pytest.mark.parametrize("silent", [True, False])
def test_ants_of_111_columns_are_read_as_gymnasium_observes_them(tmp_path: Path, silent: bool) -> None:
    whole = joined(played("Ant-v5", 2, 30))
    arrays = dict(whole)
    for name in ("observations", "next_observations"):
        seen = whole[name]
        world = np.zeros((len(seen), 6), np.float32)
        forces = np.zeros_like(seen[:, 27:]) if silent else seen[:, 27:]
        arrays[name] = np.concatenate([seen[:, :27], world, forces], axis=1)
    data, said = brought(tmp_path / "a.npz", arrays, "Ant-v5")
    kept = 27 if silent else 105
    np.testing.assert_array_equal(data.observations, whole["observations"][:, :kept])
    np.testing.assert_array_equal(data.next_observations, whole["next_observations"][:, :kept])
    assert f"{kept} of 111 columns are kept" in said[0]
