"""What would mislead is refused by name; damaged files are read right or refused, whatever the damage."""

import warnings
from pathlib import Path

import h5py
import minari
import numpy as np
import pytest
from files import ROWS, Arrays, hops, write
from gymnasium.spaces import Box
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from minari.data_collector import EpisodeBuffer

from skills.bodies.body import body_of
from skills.data import importing
from skills.data import minari as reader
from skills.data.transitions import Transitions
from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.learning.classes import cluster
from skills.settings.config import ExpertsConfig

NAME = "mine/hops-v0"
_PATIENT = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def spoilt(**changes) -> Arrays:
    """The arrays of a right file, some of them changed; None takes one out."""
    arrays = {**hops(), **changes}
    return {name: array for name, array in arrays.items() if array is not None}


def with_value(name: str, place: tuple[int, ...] | int, value: float) -> Arrays:
    arrays = hops()
    arrays[name][place] = value
    return arrays


REFUSED = {
    "discrete actions": (spoilt(actions=np.zeros(ROWS, np.int64)), "discrete actions"),
    "NaN": (with_value("observations", (2, 5), np.nan), "NaN or infinity in column 5 of observations, in 1 rows"),
    "infinity": (with_value("rewards", 3, np.inf), "NaN or infinity in rewards, in 1 rows"),
    "too large": (spoilt(observations=np.full((ROWS, 11), 1e39)), "NaN or infinity in column 0 of observations"),
    "actions outside": (with_value("actions", (1, 2), -1.2), "actions outside their space in column 2, in 1 rows"),
    "unequal lengths": (spoilt(rewards=np.zeros(ROWS - 1)), f"unequal length: .*actions {ROWS}, rewards {ROWS - 1}"),
    "other columns": (spoilt(observations=np.zeros((ROWS, 9)), next_observations=None), "9 columns; those of Hopper"),
    "other actions": (spoilt(actions=np.zeros((ROWS, 2), np.float32)), "actions of 2 columns; those of Hopper-v5"),
    "words": (spoilt(rewards=np.array(["much"] * ROWS)), "rewards are of the type <U4, not numbers"),
    "objects": (spoilt(actions=np.array([None] * ROWS, object)), "actions are of the type object, not numbers"),
    "no actions": (spoilt(actions=None), "has no array 'actions'"),
    "empty": ({name: array[:0] for name, array in hops().items()}, "is empty"),
    "other shapes": (spoilt(next_observations=np.zeros((ROWS, 10))), "next_observations"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_is_refused_with_what_is_wrong_and_nothing_is_left(tmp_path: Path, what: str) -> None:
    arrays, message = REFUSED[what]
    with pytest.raises(SkillsError, match=message):
        importing.import_file(write(tmp_path / "a.npz", arrays), NAME, "Hopper-v5")
    assert list((tmp_path / "minari").rglob("*.hdf5")) == []


HOLLOW = {
    "a group with nothing in it": lambda file, name: file.create_group(name),
    "a group": lambda file, name: file.create_dataset(f"{name}/x", data=np.zeros(ROWS)),
    "a link to itself": lambda file, name: file.__setitem__(name, h5py.SoftLink(f"/{name}")),
    "a link to nowhere": lambda file, name: file.__setitem__(name, h5py.SoftLink("/gone")),
    "a link to a group": lambda file, name: file.__setitem__(name, h5py.SoftLink("/infos")),
    "a number": lambda file, name: file.__setitem__(name, 1.0),
    "nothing": lambda file, name: file.__setitem__(name, h5py.Empty("f4")),
}


@pytest.mark.parametrize("what", HOLLOW)
@pytest.mark.parametrize("name", ["rewards", "terminals", "timeouts", "episode_ids"])
def test_a_name_that_means_something_and_holds_no_rows_is_refused(tmp_path: Path, name: str, what: str) -> None:
    file = write(tmp_path / "a.hdf5", spoilt(**({name: None} | {"infos/x": np.zeros(ROWS)})))
    with h5py.File(file, "a") as opened:
        HOLLOW[what](opened, name)
    with pytest.raises(SkillsError, match=f"has no rows of {name}:"):
        importing.import_file(file, NAME, "Hopper-v5")
    assert list((tmp_path / "minari").rglob("*.hdf5")) == []


@pytest.mark.parametrize("chosen", [{"label": "policy"}, {"actions": ["policy"]}, {"observations": ["policy"]}])
def test_so_is_one_that_the_user_chooses(tmp_path: Path, chosen: dict) -> None:
    file = write(tmp_path / "a.hdf5", hops())
    with h5py.File(file, "a") as opened:
        opened.create_group("policy")
    with pytest.raises(SkillsError, match=r"has no rows of |cannot label|expected 2 axes"):
        importing.import_file(file, NAME, "Hopper-v5", **chosen)


@pytest.mark.parametrize("soft", [True, False])
def test_an_array_with_two_names_is_read_by_both(tmp_path: Path, soft: bool) -> None:
    arrays = hops()
    file = write(tmp_path / "a.hdf5", spoilt(rewards=None) | {"kept/rewards": arrays["rewards"]})
    with h5py.File(file, "a") as opened:
        opened["rewards"] = h5py.SoftLink("/kept/rewards") if soft else opened["kept/rewards"]
    importing.import_file(file, NAME, "Hopper-v5")
    found = reader.load(NAME, NAME, steps=None, columns="all")
    np.testing.assert_array_equal(found.rewards, arrays["rewards"])


@pytest.mark.parametrize(
    ("path", "name", "env_id", "code", "message"),
    [
        ("missing.npz", NAME, "Hopper-v5", NOT_FOUND, "There is no file"),
        ("a.txt", NAME, "Hopper-v5", USAGE, "unknown kind"),
        ("a.npz", "no version", "Hopper-v5", USAGE, "is not a Minari id"),
        ("a.npz", "../up-v0", "Hopper-v5", USAGE, "is not a Minari id"),
        ("a.npz", NAME, "Hoper-v5", NOT_FOUND, "Unknown environment 'Hoper-v5'"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, path: str, name: str, env_id: str, code: int, message: str) -> None:
    write(tmp_path / "a.npz", hops())
    (tmp_path / "a.txt").touch()
    with pytest.raises(SkillsError, match=message) as caught:
        importing.import_file(tmp_path / path, name, env_id)
    assert caught.value.exit_code == code


def test_a_label_that_is_not_there_or_labels_nothing_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", {**hops(), "policy": np.zeros(7, int)})
    with pytest.raises(SkillsError, match="has no array 'polcy'") as caught:
        importing.import_file(path, NAME, "Hopper-v5", label="polcy")
    assert "policy" in caught.value.hint
    with pytest.raises(SkillsError, match=r"cannot label the rows: int64 of the shape \(7,\)"):
        importing.import_file(path, NAME, "Hopper-v5", label="policy")


def test_fewer_rows_than_classes_are_refused(tmp_path: Path) -> None:
    importing.import_file(write(tmp_path / "a.npz", hops()), NAME, "Hopper-v5")
    data = reader.load(NAME, NAME, steps=None, columns="motion")
    with pytest.raises(SkillsError, match=f"100 classes cannot be cut from {ROWS} transitions"):
        cluster(data, 100, ExpertsConfig(), 1)


def minari_set(space: Box | None = None, actions: np.ndarray | None = None) -> None:
    """A Minari dataset of one episode that somebody else made, of an environment that is not ours."""
    actions = np.zeros((4, 3), np.float32) if actions is None else actions
    ends = np.array([False, False, False, True])
    buffer = EpisodeBuffer(
        observations=np.ones((5, 11)), actions=actions, rewards=np.zeros(4), terminations=ends, truncations=~ends & ends
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(
            NAME,
            [buffer],
            env="Hopper-v5",
            observation_space=Box(-np.inf, np.inf, (11,)),
            action_space=space or Box(-1.0, 1.0, (3,)),
        )


def test_actions_outside_the_space_of_a_minari_set_are_refused() -> None:
    minari_set(actions=np.full((4, 3), 1.1, np.float32))
    with pytest.raises(SkillsError, match="actions outside their space in column 0, in 4 rows"):
        reader.load(NAME, NAME, steps=None, columns="motion")


def test_an_action_space_without_bounds_has_those_of_its_environment_and_is_refused_without() -> None:
    minari_set(Box(-np.inf, np.inf, (3,)))
    assert len(reader.load(NAME, NAME, steps=None, columns="motion")) == 4
    with pytest.raises(SkillsError, match="an action space without bounds"):
        reader.load(NAME, NAME, steps=None, columns="motion", env="log")


def test_actions_are_kept_a_hundred_thousandth_inside_whatever_space_they_have() -> None:
    minari_set(Box(-2.0, 4.0, (3,)), np.array([[-2.0, 1.0, 4.0]] * 4, np.float32))
    data = reader.load(NAME, NAME, steps=None, columns="motion", env="log")
    np.testing.assert_allclose(data.actions[0], [-1 + 1e-5, 0.0, 1 - 1e-5], atol=1e-7)
    outward = body_of(data.env_id).actions.outward(data.actions[0])
    np.testing.assert_allclose(outward, [-2 + 3e-5, 1.0, 4 - 3e-5], rtol=1e-6)
    with pytest.raises(SkillsError, match="actions outside their space in column 0, in 4 rows: the space is -1 to 1"):
        reader.load(NAME, NAME, steps=None, columns="motion")


def test_a_dataset_with_fewer_rows_than_its_metadata_say_is_refused(tmp_path: Path) -> None:
    minari_set()
    path = tmp_path / "minari" / NAME / "data" / "metadata.json"
    path.write_text(path.read_text().replace('"total_steps": 4', '"total_steps": 40'))
    with pytest.raises(SkillsError, match="incomplete: 4 rows, and its metadata say 40"):
        reader.load(NAME, NAME, steps=None, columns="motion")


def read_or_refused(path: Path, tmp_path: Path) -> Transitions | None:
    """What comes of importing a file and reading it: transitions that are in order, or None for a named error."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "read" / str(len(list(tmp_path.glob("read/*"))))))
        try:
            importing.import_file(path, NAME, "Hopper-v5")
            data = reader.load(NAME, NAME, steps=None, columns="motion")
        except SkillsError:
            return None
    count = len(data)
    assert data.observations.shape == data.next_observations.shape == (count, 11)
    assert (data.actions.shape, data.rewards.shape, data.terminated.shape) == ((count, 3), (count,), (count,))
    assert all(np.isfinite(array).all() for array in (data.observations, data.next_observations, data.rewards))
    assert np.abs(data.actions).max() <= 1
    assert data.episode_starts[0] == 0
    assert (np.diff(np.append(data.episode_starts, count)) > 0).all()
    return data


@_PATIENT
@given(suffix=st.sampled_from([".npz", ".hdf5"]), share=st.floats(0, 0.999))
def test_a_truncated_file_is_refused_or_whole(tmp_path: Path, suffix: str, share: float) -> None:
    path = write(tmp_path / f"a{suffix}", hops())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    data = read_or_refused(path, tmp_path)
    if data is not None:
        np.testing.assert_array_equal(data.observations, hops()["observations"])


@_PATIENT
@given(suffix=st.sampled_from([".npz", ".hdf5"]), share=st.floats(0, 0.999), mask=st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_harmless(tmp_path: Path, suffix: str, share: float, mask: int) -> None:
    """An `.npz` has checksums: what is read is right. HDF5 has none: a number may be another, and no more than that."""
    path = write(tmp_path / f"a{suffix}", hops())
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= mask
    path.write_bytes(bytes(content))
    data = read_or_refused(path, tmp_path)
    if data is not None and suffix == ".npz":
        right = hops()
        for name in ("observations", "next_observations", "rewards"):
            np.testing.assert_array_equal(getattr(data, name), right[name])


_DTYPES = ["f2", "f4", "f8", "i1", "i8", "u2", "?", "c8", "S3", "U3", "M8[s]"]
_NAMES = ["observations", "next_observations", "actions", "rewards", "terminals", "timeouts"]


@_PATIENT
@given(name=st.sampled_from(_NAMES), dtype=st.sampled_from(_DTYPES), suffix=st.sampled_from([".npz", ".hdf5"]))
def test_any_type_is_read_as_numbers_or_refused(tmp_path: Path, name: str, dtype: str, suffix: str) -> None:
    arrays = hops()
    if suffix == ".hdf5" and dtype[0] in "UM":  # HDF5 has no such types
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arrays[name] = np.nan_to_num(arrays[name]).astype(dtype)
    data = read_or_refused(write(tmp_path / f"a{suffix}", arrays), tmp_path)
    assert data is None or np.dtype(dtype).kind in "fiub"


@_PATIENT
@given(
    name=st.sampled_from(["observations", "actions", "rewards"]),
    row=st.integers(0, ROWS - 1),
    value=st.sampled_from([np.nan, np.inf, -np.inf, 1e300]),
)
def test_what_is_not_a_number_is_always_refused(tmp_path: Path, name: str, row: int, value: float) -> None:
    arrays = {key: array.astype(np.float64) if array.dtype.kind == "f" else array for key, array in hops().items()}
    arrays[name][row] = value
    assert read_or_refused(write(tmp_path / "a.npz", arrays), tmp_path) is None


@_PATIENT
@given(name=st.sampled_from(_NAMES), rows=st.integers(0, 2 * ROWS))
def test_unequal_lengths_are_refused(tmp_path: Path, name: str, rows: int) -> None:
    arrays = hops()
    arrays[name] = np.resize(arrays[name], (rows, *arrays[name].shape[1:]))
    data = read_or_refused(write(tmp_path / "a.npz", arrays), tmp_path)
    assert (data is None) == (rows != ROWS)


@_PATIENT
@given(ends=st.lists(st.integers(0, ROWS - 1), max_size=ROWS), derived=st.booleans(), failing=st.booleans())
def test_episodes_of_any_lengths_are_read(tmp_path: Path, ends: list[int], derived: bool, failing: bool) -> None:
    """Ends side by side make episodes of a single row; where that has no next observation nothing of it is left."""
    arrays = hops()
    for name in ("terminals", "timeouts"):
        arrays[name][:] = False
    arrays["terminals" if failing else "timeouts"][ends] = True
    if derived:
        del arrays["next_observations"]
    data = read_or_refused(write(tmp_path / "a.npz", arrays), tmp_path)
    cut = 0 if not derived else int(ROWS - 1 not in ends) if failing else len({*ends, ROWS - 1})
    assert (0 if data is None else len(data)) == ROWS - cut


@_PATIENT
@given(share=st.floats(0, 0.999), mask=st.integers(1, 255), file=st.sampled_from(["main_data.hdf5", "metadata.json"]))
def test_a_damaged_minari_set_is_refused_or_in_order(tmp_path: Path, share: float, mask: int, file: str) -> None:
    root = tmp_path / "read" / str(len(list(tmp_path.glob("read/*"))))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        importing.import_file(write(tmp_path / "a.npz", hops()), NAME, "Hopper-v5")
        path = root / NAME / "data" / file
        content = bytearray(path.read_bytes())
        content[int(len(content) * share)] ^= mask
        path.write_bytes(bytes(content))
        try:
            data = reader.load(NAME, NAME, steps=None, columns="motion")
        except SkillsError:
            return
    assert np.isfinite(data.observations).all()
    assert len(data.observations) == len(data.actions) == len(data.rewards)


def test_an_episode_of_no_steps_has_no_transitions(tmp_path: Path) -> None:
    importing.import_file(write(tmp_path / "a.npz", hops()), NAME, "Hopper-v5")
    with h5py.File(tmp_path / "minari" / NAME / "data" / "main_data.hdf5", "a") as file:
        for name, rows in (
            ("observations", 1),
            ("actions", 0),
            ("rewards", 0),
            ("terminations", 0),
            ("truncations", 0),
        ):
            file[f"episode_1/{name}"].resize(rows, axis=0)
    path = tmp_path / "minari" / NAME / "data" / "metadata.json"
    path.write_text(path.read_text().replace(f'"total_steps": {ROWS}', f'"total_steps": {ROWS - 3}'))
    data = reader.load(NAME, NAME, steps=None, columns="motion")
    assert data.episode_starts.tolist() == [0, 4]
