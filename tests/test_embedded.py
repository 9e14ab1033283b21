"""Datasets made here and read back: whole, the same however they came about, and refused when they are not right."""

import contextlib
import json
import shutil
import threading
from pathlib import Path

import gymnasium
import h5py
import minari
import numpy as np
import pytest
from minari.data_collector import EpisodeBuffer

from skills.bodies.fast import Simulation
from skills.data import catalog, sources
from skills.data.made import embedded, rounds
from skills.data.minari_root import is_local
from skills.data.transitions import ACTION_LIMIT
from skills.errors import NOT_FOUND, SkillsError

HOPPER = "hopper-random"  # 16 episodes of some twenty steps: a round takes a moment
HOPPER_ID = "skills/hopper/random-v0"
COLUMNS = ("observations", "actions", "next_observations", "rewards", "terminated")


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    """An empty Minari root."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def make(name: str, steps: int, progress=lambda done, total: None) -> str:
    return embedded.make(catalog.resolve(name), steps, progress)


def stored(root: Path, minari_id: str) -> dict[str, np.ndarray]:
    """Every array of every episode that the metadata count, by its path in the file."""
    episodes = json.loads((root / minari_id / "data" / "metadata.json").read_text())["total_episodes"]
    arrays = {}
    with h5py.File(root / minari_id / "data" / "main_data.hdf5") as file:
        for episode in range(episodes):
            group = file[f"episode_{episode}"]
            group.visititems(
                lambda name, item, group=group: (
                    arrays.update({f"{group.name}/{name}": item[()]}) if isinstance(item, h5py.Dataset) else None
                )
            )
    return arrays


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert array.dtype == second[name].dtype
        assert array.tobytes() == second[name].tobytes(), name


def another(minari_id: str, observation_size: int = 11, spoil=lambda arrays: None, **options) -> str:
    """A small Minari dataset that somebody else made."""
    generator = np.random.default_rng(0)
    buffers = []
    for length in (4, 6):
        arrays = {
            "observations": generator.normal(size=(length + 1, observation_size)),
            "actions": generator.uniform(-1, 1, (length, 3)).astype(np.float32),
            "rewards": generator.normal(size=length),
        }
        arrays["actions"][0] = 1.0
        spoil(arrays)
        ends = np.zeros(length, dtype=bool)
        ends[-1] = True
        buffers.append(EpisodeBuffer(**arrays, terminations=ends, truncations=np.zeros(length, dtype=bool)))
    box = gymnasium.spaces.Box(-np.inf, np.inf, (observation_size,))
    options = {"env": "Hopper-v5", "observation_space": box, **options}
    with pytest.warns(UserWarning, match="None"):
        minari.create_dataset_from_buffers(minari_id, buffers, **options)
    return minari_id


def test_a_made_set_is_a_minari_dataset_that_gymnasium_can_replay(root):
    """Its rows are what the environment itself does from the recorded states."""
    minari_id = make("ant-medium", 1)
    dataset = minari.load_dataset(minari_id)
    env = dataset.recover_environment()
    assert env.spec.id == "Ant-v5"
    assert dataset.total_episodes == rounds.ROUND
    assert (dataset.observation_space, dataset.action_space) == (env.observation_space, env.action_space)
    assert "ant-medium" in dataset.storage.metadata["description"]
    episode = dataset[3]
    assert episode.observations.dtype == np.float32
    assert len(episode.observations) == len(episode.actions) + 1
    assert dataset.observation_space.contains(episode.observations[0])
    env.reset(seed=0)
    env.unwrapped.set_state(episode.infos["qpos"][0], episode.infos["qvel"][0])
    for row in range(20):
        observation, reward, *_ = env.step(episode.actions[row])
        np.testing.assert_allclose(observation[:27], episode.observations[row + 1][:27], rtol=1e-6, atol=1e-6)
        assert reward == pytest.approx(episode.rewards[row], abs=1e-9)
    assert [path.suffix for path in root.glob(".skills/*")] == [".lock"]


def test_a_larger_set_begins_with_the_smaller_one(root, tmp_path, monkeypatch):
    make(HOPPER, 300)
    small = stored(root, HOPPER_ID)
    make(HOPPER, 1500)
    extended = stored(root, HOPPER_ID)
    assert len(extended) > len(small)
    assert_same(small, {name: extended[name] for name in small})
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "at-once"))
    make(HOPPER, 1500)
    assert_same(extended, stored(tmp_path / "at-once", HOPPER_ID))


def test_enough_rows_are_left_alone(root):
    make(HOPPER, 300)
    before = (root / HOPPER_ID / "data" / "main_data.hdf5").stat().st_mtime_ns
    make(HOPPER, 200, lambda done, total: pytest.fail("nothing to collect"))
    assert (root / HOPPER_ID / "data" / "main_data.hdf5").stat().st_mtime_ns == before


def test_an_interrupted_collection_goes_on_and_ends_in_the_same_rows(root, tmp_path, monkeypatch):
    def killed(done, total):
        if done > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(HOPPER, 1500, killed)
    assert not is_local(HOPPER_ID)
    kept = sorted(root.glob(".skills/skills-hopper-random-v0/*/round-*.npz"))
    assert kept
    played = []
    play = embedded.play_round
    monkeypatch.setattr(embedded, "play_round", lambda *args: played.append(args[2]) or play(*args))
    make(HOPPER, 1500)
    assert min(played) == len(kept)
    resumed = stored(root, HOPPER_ID)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "at-once"))
    make(HOPPER, 1500)
    assert_same(resumed, stored(tmp_path / "at-once", HOPPER_ID))


def test_two_names_of_one_set_made_at_once_make_it_once(root, tmp_path, monkeypatch):
    """Each would store the rounds that were missing when it began."""
    both, first_is_done, play = threading.Barrier(2), threading.Event(), embedded.play_round

    def at_once(*args):
        with contextlib.suppress(threading.BrokenBarrierError):  # as it is where only one of them gets here
            both.wait(timeout=1)
        if threading.current_thread() is second:
            first_is_done.wait(timeout=1)
        return play(*args)

    monkeypatch.setattr(embedded, "play_round", at_once)
    second = threading.Thread(target=make, args=(HOPPER_ID, 600))
    second.start()
    make(HOPPER, 600)
    first_is_done.set()
    second.join()
    monkeypatch.setattr(embedded, "play_round", play)
    with h5py.File(root / HOPPER_ID / "data" / "main_data.hdf5") as file:
        assert len(file) == json.loads((root / HOPPER_ID / "data" / "metadata.json").read_text())["total_episodes"]
    found = stored(root, HOPPER_ID)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "alone"))
    make(HOPPER, 600)
    assert_same(found, stored(tmp_path / "alone", HOPPER_ID))


def test_an_extension_killed_between_its_renames_leaves_the_old_set_and_can_be_repeated(root, monkeypatch):
    make(HOPPER, 300)
    before = stored(root, HOPPER_ID)
    replace = Path.replace

    def killed(self, target):
        if Path(target).name == "metadata.json":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        make(HOPPER, 1500)
    monkeypatch.undo()
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    assert_same(before, stored(root, HOPPER_ID))
    dataset = minari.load_dataset(HOPPER_ID)
    assert sum(len(episode.actions) for episode in dataset.iterate_episodes()) == dataset.total_steps
    make(HOPPER, 1500)
    extended = stored(root, HOPPER_ID)
    assert_same(before, {name: extended[name] for name in before})
    shutil.rmtree(root)
    make(HOPPER, 1500)
    assert_same(extended, stored(root, HOPPER_ID))


def test_a_mixture_balances_its_parts_and_says_which_row_is_whose(root, tmp_path, monkeypatch):
    minari_id = make("hopper-medium-replay", 300)
    make("hopper-medium-replay", 9000)
    extended = stored(root, minari_id)
    data = sources.load("hopper-medium-replay", source="local")
    metadata = minari.load_dataset(minari_id).storage.metadata
    assert metadata["label_names"] == ["random", "simple", "medium"]
    counts = np.bincount(data.labels, minlength=3)
    assert counts.tolist() == metadata["part_steps"]
    order = data.labels[data.episode_starts[:: rounds.ROUND]]
    sizes = np.add.reduceat(
        np.diff(np.append(data.episode_starts, len(data))), np.arange(0, len(data.episode_starts), 16)
    )
    so_far = np.zeros(3, int)
    for part, size in zip(order, sizes, strict=True):
        assert part == so_far.argmin()
        so_far[part] += size
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "at-once"))
    make("hopper-medium-replay", 9000)
    assert_same(extended, stored(tmp_path / "at-once", minari_id))


def test_a_set_made_here_is_found_again_by_its_own_id(root):
    made = make(HOPPER, 300)
    assert len(sources.load(made, source="embedded", steps=300)) == 300


def test_a_set_of_another_behaviour_is_not_extended(root):
    make(HOPPER, 300)
    path = root / HOPPER_ID / "data" / "metadata.json"
    path.write_text(path.read_text().replace('"behaviour_sha256": "random"', '"behaviour_sha256": "0"'))
    make(HOPPER, 300)
    with pytest.raises(SkillsError, match="another version of the policy"):
        make(HOPPER, 3000)
    assert [left.suffix for left in (root / ".skills").iterdir()] == [".lock"]


def test_a_set_that_is_refused_is_not_extended_and_leaves_no_workshop(root):
    make(HOPPER, 100)
    path = root / HOPPER_ID / "data" / "metadata.json"
    metadata = json.loads(path.read_text())
    spec = {**json.loads(metadata["env_spec"]), "entry_point": "subprocess:run"}
    path.write_text(json.dumps({**metadata, "env_spec": json.dumps(spec)}))
    with pytest.raises(SkillsError, match="subprocess:run"):
        make(HOPPER, 5000)
    assert [left.suffix for left in (root / ".skills").iterdir()] == [".lock"]


def test_progress_counts_rows_up_to_what_was_asked(root):
    seen = []
    make(HOPPER, 900, lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 900)
    assert seen[-1] == (900, 900)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_unwritable_root_is_writing(root, monkeypatch):
    root.parent.mkdir(exist_ok=True)
    root.mkdir()
    (root / ".skills").write_text("in the way")
    with pytest.raises(SkillsError, match="Cannot write"):
        make(HOPPER, 10)


def test_a_round_does_not_depend_on_threads():
    one, two = (rounds.play_round("Ant-v5", None, 4, Simulation("Ant-v5", 16, threads)) for threads in (1, 2))
    assert_same(one, two)


def test_loading_gives_transitions_cut_to_the_rows_asked_for(root):
    said = []
    data = sources.load(HOPPER, source="embedded", steps=151, notify=said.append)
    assert len(data) == 151
    assert data.made_here
    assert (data.minari_id, data.env_id, data.name) == (HOPPER_ID, "Hopper-v5", HOPPER)
    assert [getattr(data, name).dtype for name in COLUMNS] == [np.float32] * 4 + [bool]
    assert data.observations.shape == data.next_observations.shape == (151, 11)
    assert np.abs(data.actions).max() <= ACTION_LIMIT
    inside = np.setdiff1d(np.arange(1, 151), data.episode_starts)
    np.testing.assert_array_equal(data.observations[inside], data.next_observations[inside - 1])
    assert not data.terminated[-1]  # the cut is not a failure
    np.testing.assert_array_equal(np.flatnonzero(data.terminated) + 1, data.episode_starts[1:])
    assert len(said) == 1
    assert HOPPER_ID in said[0]


def test_motion_columns_leave_out_contact_forces_of_the_ant_only(root):
    make("ant-random", 1)
    motion, everything = (
        sources.load("ant-random", source="local", steps=100, columns=columns) for columns in ("motion", "all")
    )
    assert (motion.observations.shape, everything.observations.shape) == ((100, 27), (100, 105))
    np.testing.assert_array_equal(motion.observations, everything.observations[:, :27])


@pytest.mark.parametrize("value", [np.nan, 2.0])
def test_an_end_that_is_neither_yes_nor_no_is_refused(root, value):
    another("my/hops-v3")
    with h5py.File(root / "my/hops-v3/data/main_data.hdf5", "a") as file:
        ends = file["episode_1/terminations"][()].astype(np.float64)
        del file["episode_1/terminations"]
        ends[2] = value
        file["episode_1/terminations"] = ends
    with pytest.raises(SkillsError, match=rf"my/hops-v3: terminations are {value} in 1 rows, and neither 0 nor 1"):
        sources.load("my/hops-v3")


def test_the_official_set_is_taken_where_it_is_local():
    another("mujoco/hopper/medium-v0")
    said = []
    data = sources.load("hopper-medium", notify=said.append)
    assert (data.minari_id, data.made_here, len(data)) == ("mujoco/hopper/medium-v0", False, 10)
    assert data.episode_starts.tolist() == [0, 4]
    assert data.actions.max() == np.float32(ACTION_LIMIT)
    assert said[0] == "hopper-medium: the local Minari dataset mujoco/hopper/medium-v0."
    assert "does not move as Hopper-v5 does" in said[1]  # the numbers are made up


def test_any_local_minari_id_is_loaded_and_an_absent_one_is_not_found():
    another("my/hops-v3")
    assert sources.load("my/hops-v3", steps=5).env_id == "Hopper-v5"
    for name, source in (("my/other-v1", "auto"), (HOPPER, "local"), ("my/hops-v3", "embedded")):
        with pytest.raises(SkillsError) as caught:
            sources.load(name, source=source, offline=True)
        assert caught.value.exit_code == NOT_FOUND
        assert "ant-random" in caught.value.hint


@pytest.mark.parametrize(
    ("array", "row", "message"),
    [("observations", (2, 5), "column 5 of observations, in 2 rows"), ("actions", (1, 2), "column 2 of actions, in 2")],
)
def test_nan_is_refused_with_its_column(array, row, message):
    another("my/spoilt-v0", spoil=lambda arrays: arrays[array].__setitem__(row, np.nan))
    with pytest.raises(SkillsError, match=message):
        sources.load("my/spoilt-v0")


def test_spaces_and_sizes_that_do_not_fit_are_refused():
    another("my/wide-v0", observation_size=12)
    with pytest.raises(SkillsError, match="12 columns; those of Hopper-v5 have 11"):
        sources.load("my/wide-v0")
    another("my/buttons-v0", action_space=gymnasium.spaces.Discrete(3))
    with pytest.raises(SkillsError, match=r"actions of the space Discrete\(3\)"):
        sources.load("my/buttons-v0")


def test_a_damaged_file_is_refused(root):
    another("my/hops-v3")
    path = root / "my" / "hops-v3" / "data" / "main_data.hdf5"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(SkillsError, match="my/hops-v3 is damaged"):
        sources.load("my/hops-v3")
