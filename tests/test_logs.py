"""Logs of what nothing simulates: formats that people keep them in, and a run without playing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import skills

from skills.bodies.body import body_of
from skills.data import importing, minari
from skills.data.subtasks import write_subtasks
from skills.errors import ENVIRONMENT, USAGE, SkillsError
from skills.files import read_json
from skills.playing.rollout import Rollouts

NAME = "logs/arm-v0"
EPISODES, LENGTH = 6, 80


def arm(number: int) -> dict[str, np.ndarray]:
    """An episode of an arm of three joints that swings slowly, fast or in one joint only."""
    generator = np.random.default_rng(number)
    times = 0.1 * np.arange(LENGTH)
    rate, which = [1.0, 4.0, 2.0][number % 3], [slice(0, 3), slice(0, 3), slice(2, 3)][number % 3]
    joints = np.zeros((LENGTH, 3))
    joints[:, which] = np.sin(rate * times)[:, None]
    joints += 0.02 * generator.standard_normal(joints.shape)
    return {
        "state": joints.astype(np.float32),
        "gripper": np.cos(rate * times).astype(np.float32)[:, None],
        "action": (2.0 * np.gradient(joints, axis=0) / 0.1).astype(np.float32),
        "reward": np.ones(LENGTH, np.float32),
    }


def lerobot_folder(path: Path, version: str) -> Path:
    """A folder as LeRobot 2.1 or 3 writes it, with a video that is not there."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    features: dict[str, Any] = {
        "observation.state": {"dtype": "float32", "shape": [3]},
        "observation.gripper": {"dtype": "float32", "shape": [1]},
        "observation.images.top": {"dtype": "video", "shape": [480, 640, 3]},
        "action": {"dtype": "float32", "shape": [3]},
        **{name: {"dtype": "int64", "shape": [1]} for name in ("episode_index", "frame_index", "index")},
        "timestamp": {"dtype": "float32", "shape": [1]},
        "next.reward": {"dtype": "float32", "shape": [1]},
    }
    (path / "meta").mkdir(parents=True)
    (path / "meta" / "info.json").write_text(
        json.dumps({"codebase_version": version, "fps": 10, "features": features, "total_episodes": EPISODES})
    )
    tables = []
    for number in range(EPISODES):
        episode, count = arm(number), LENGTH
        three, one = pyarrow.list_(pyarrow.float32(), 3), pyarrow.list_(pyarrow.float32(), 1)
        tables.append(
            pyarrow.table(
                {
                    "observation.state": pyarrow.array(episode["state"].tolist(), three),
                    "observation.gripper": pyarrow.array(episode["gripper"].tolist(), one),
                    "action": pyarrow.array(episode["action"].tolist(), three),
                    "episode_index": np.full(count, number),
                    "frame_index": np.arange(count),
                    "index": number * LENGTH + np.arange(count),
                    "timestamp": (0.1 * np.arange(count)).astype(np.float32),
                    "next.reward": episode["reward"],
                }
            )
        )
    folder = path / "data" / "chunk-000"
    folder.mkdir(parents=True)
    if version == "v2.1":
        for number, table in enumerate(tables):
            parquet.write_table(table, folder / f"episode_{number:06d}.parquet")
    else:
        parquet.write_table(pyarrow.concat_tables(tables[:4]), folder / "file-000.parquet")
        parquet.write_table(pyarrow.concat_tables(tables[4:]), folder / "file-001.parquet")
    return path


def rlds_folder(path: Path) -> Path:
    """A folder of episodes as RLDS has them, the last of them cut off."""
    path.mkdir()
    for number in range(EPISODES):
        episode = arm(number)
        last = np.arange(LENGTH) == LENGTH - 1
        np.savez(
            path / f"episode-{number}.npz",
            **{"observation/state": episode["state"], "observation/gripper": episode["gripper"]},
            action=episode["action"],
            reward=episode["reward"],
            is_first=np.arange(LENGTH) == 0,
            is_last=last,
            is_terminal=last & (number < EPISODES - 1),
        )
    return path


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_folders_of_lerobot_are_read(tmp_path: Path, version: str) -> None:
    path = lerobot_folder(tmp_path / "robot", version)
    importing.import_file(path, NAME, "log")
    data = minari.load(NAME, NAME, steps=None, columns="motion")
    assert data.observation_parts == (("gripper", 1), ("state", 3))
    assert len(data.episode_starts) == EPISODES
    assert len(data) == EPISODES * (LENGTH - 1)  # what follows the last row of an episode is not known
    first = arm(0)
    np.testing.assert_array_equal(data.observations[:5, 1:], first["state"][:5])
    np.testing.assert_array_equal(data.next_observations[:5, 0], first["gripper"][1:6, 0])
    body = body_of(data.env_id)
    assert body.seconds_per_step == pytest.approx(0.1)
    np.testing.assert_allclose(body.actions.outward(data.actions[:5]), first["action"][:5], atol=1e-3)
    assert data.rewards.sum() == len(data)


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a run that has learned from such a folder."""
    home = tmp_path_factory.mktemp("arms")
    folder = lerobot_folder(home / "robot", "v3.0")
    settings = ("--set", "reward.iterations=5", "--set", "policy.steps=5")
    done = skills(
        home, "discover", folder, "--env", "none", "--run", home / "arm",
        "--preset", "smoke", "--skills", 3, "--no-videos", *settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_segments_are_written_back_as_the_subtasks_of_a_folder(arms: Path, tmp_path: Path, version: str) -> None:
    from pyarrow import parquet

    source, new = lerobot_folder(tmp_path / "robot", version), tmp_path / "cut"
    video = source / "videos" / "top.mp4"
    video.parent.mkdir()
    video.write_bytes(b"a film")
    before = {file: file.read_bytes() for file in source.rglob("*") if file.is_file()}
    table = tmp_path / "steps.csv"
    done = skills(arms, "segment", arms / "arm", source, "--csv", table, "--lerobot", new, "--json", "-q")
    assert done.returncode == 0, done.stderr
    names = [one["name"] for one in json.loads(done.stdout)["behaviours"]]
    behaviours = np.loadtxt(table, delimiter=",", skiprows=1, usecols=3).reshape(EPISODES, LENGTH - 1)
    assert before == {file: file.read_bytes() for file in source.rglob("*") if file.is_file()}
    assert {file.relative_to(source) for file in before} | {Path("meta/subtasks.parquet")} == {
        file.relative_to(new) for file in new.rglob("*") if file.is_file()
    }
    rows = parquet.read_table(new / "data").to_pydict()
    assert rows["observation.state"][LENGTH] == arm(1)["state"][0].tolist()
    found = np.zeros((EPISODES, LENGTH))
    found[rows["episode_index"], rows["frame_index"]] = rows["subtask_index"]
    np.testing.assert_array_equal(found[:, :-1], behaviours)
    np.testing.assert_array_equal(found[:, -1], behaviours[:, -1])  # what follows the last frame is not known
    called = parquet.read_table(new / "meta" / "subtasks.parquet")
    assert called.to_pydict() == {"subtask_index": list(range(len(names))), "subtask": names}
    assert json.loads(called.schema.metadata[b"pandas"])["index_columns"] == ["subtask"]
    about = read_json(new / "meta" / "info.json")["features"]["subtask_index"]
    assert about == {"dtype": "int64", "shape": [1], "names": None}
    assert (new / "videos" / "top.mp4").read_bytes() == b"a film"
    again = tmp_path / "again"  # a folder that has subtasks gets others
    assert skills(arms, "segment", arms / "arm", new, "--lerobot", again, "-q").returncode == 0
    np.testing.assert_array_equal(
        parquet.read_table(again / "data").to_pydict()["subtask_index"], rows["subtask_index"]
    )


def test_subtasks_are_written_into_a_new_folder_or_not_at_all(arms: Path, tmp_path: Path) -> None:
    source = lerobot_folder(tmp_path / "robot", "v3.0")
    for log, new, said in (
        (source, source, "is there already"),
        (arms / "arm" / "experts.npz", tmp_path / "new", "no folder of LeRobot's"),
    ):
        done = skills(arms, "segment", arms / "arm", log, "--lerobot", new, "-q")
        assert done.returncode == USAGE
        assert said in done.stderr
    with pytest.raises(SkillsError, match="were looked at"):
        write_subtasks(source, tmp_path / "new", np.full(EPISODES, 3), np.zeros(3 * EPISODES, np.int64), ["one"])
    assert [path.name for path in tmp_path.iterdir() if path.name != "minari"] == ["robot"]


def test_columns_are_chosen_by_name(tmp_path: Path) -> None:
    path = lerobot_folder(tmp_path / "robot", "v3.0")
    importing.import_file(path, NAME, "log", observations=["state", "timestamp"], actions=["action"])
    data = minari.load(NAME, NAME, steps=None, columns="motion")
    assert data.observation_parts == (("state", 3), ("timestamp", 1))
    with pytest.raises(SkillsError, match="has no array 'stat'") as caught:
        importing.import_file(path, "logs/other-v0", "log", observations=["stat"])
    assert caught.value.exit_code == USAGE
    assert "observations/state" in caught.value.hint


def table_of_arms(path: Path) -> Path:
    """A log as a data frame has it: a column a number, words among them, no word on what is what."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import csv, parquet

    episodes = [arm(number) for number in range(EPISODES)]
    joints, actions = (np.concatenate([one[name] for one in episodes]) for name in ("state", "action"))
    columns: dict[str, Any] = {f"joint/{place}": joints[:, place] for place in range(3)}
    columns |= {f"u{place}": actions[:, place] for place in range(3)}
    columns["episode"] = np.repeat([f"take {number}" for number in range(EPISODES)], LENGTH)
    columns["timestamp"] = np.tile(0.1 * np.arange(LENGTH), EPISODES)
    table = pyarrow.table(columns)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        pose = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(joints.ravel()), 3)
        ragged = pyarrow.array([[0.0] * (1 + row % 3) for row in range(len(joints))])
        parquet.write_table(table.append_column("pose", pose).append_column("ragged", ragged), path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_are_read_by_the_names_of_their_columns(tmp_path: Path, suffix: str) -> None:
    path = table_of_arms(tmp_path / f"arms.{suffix}")
    seen, said = ["joint/0", "joint.2"] if suffix == "csv" else ["pose", "joint/0"], list[str]()
    importing.import_file(path, NAME, "log", observations=seen, actions=["u0", "u1", "u2"], notify=said.append)
    data = minari.load(NAME, NAME, steps=None, columns="motion")
    assert len(data.episode_starts) == EPISODES
    assert body_of(data.env_id).seconds_per_step == pytest.approx(0.1)
    state = arm(1)["state"][:-1]
    expected = state[:, [0, 2]] if suffix == "csv" else state[:, [0, 0, 1, 2]]  # the parts in the order of their names
    first = data.episode_starts[1]
    np.testing.assert_allclose(data.observations[first : first + len(state)], expected, rtol=1e-6)
    if suffix == "parquet":
        assert any("Left out, not being numbers" in line and "ragged" in line for line in said)
        with pytest.raises(SkillsError, match="observations/ragged are of the type object, not numbers"):
            importing.import_file(path, "logs/other-v0", "log", observations=["ragged"], actions=["u0"])


def test_lists_that_are_not_equally_long_are_no_column(tmp_path: Path) -> None:
    """Four numbers in two rows of one and three are not two rows of two."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = lerobot_folder(tmp_path / "robot", "v3.0")
    file = path / "data" / "chunk-000" / "file-001.parquet"
    table = parquet.read_table(file)
    ragged = [[0.0] * (2 + 2 * (row % 2)) for row in range(len(table))]
    place = table.column_names.index("observation.state")
    parquet.write_table(table.set_column(place, "observation.state", pyarrow.array(ragged)), file)
    with pytest.raises(SkillsError, match=r"observation\.state in .* is no column of as many numbers in every row"):
        importing.import_file(path, NAME, "log")


def test_a_log_is_discovered_by_the_columns_that_are_named(tmp_path: Path) -> None:
    """Other columns of one file are another dataset; the same ones are the same, and are asked of the next log too."""
    path = table_of_arms(tmp_path / "arms.parquet")
    few = ("--env", "none", "--preset", "smoke", "--skills", "2", "--no-videos", "--set", "policy.steps=5", "-q")
    refused = skills(tmp_path, "discover", path, *few)
    assert "Say which they are: --observation A,B --action C" in refused.stderr
    named = ("--observation", "pose, joint/0", "--action", "u0,u1,u2")
    begun = skills(tmp_path, "discover", path, *named, *few, "--run", tmp_path / "arms")
    assert begun.returncode == 0, begun.stderr
    again = skills(tmp_path, "discover", path, *named, *few, "--run", tmp_path / "arms")
    assert again.returncode == 0, again.stderr
    others = ("--observation", "joint/1", "--action", "u1")
    refused = skills(tmp_path, "discover", path, *others, *few, "--run", tmp_path / "arms")
    assert "holds a run with another configuration" in refused.stderr, refused.stderr
    labels = [skill["label"] for skill in read_json(tmp_path / "arms" / "measures.json")["skills"]]
    assert all("pose" in label or "joint" in label for label in labels), labels  # its columns by their names
    cut = skills(tmp_path, "segment", tmp_path / "arms", table_of_arms(tmp_path / "later.csv"))
    assert "has no array 'pose'" in cut.stderr
    cut = skills(tmp_path, "segment", tmp_path / "arms", table_of_arms(tmp_path / "later.parquet"), "--json")
    assert cut.returncode == 0, cut.stderr
    refused = skills(tmp_path, "discover", "hopper-medium", *named, *few)
    assert refused.returncode == USAGE
    assert "leave them out" in refused.stderr


def test_a_model_that_cannot_act_is_refused_before_a_log_is_read(tmp_path: Path) -> None:
    """As every URDF: it can show what was recorded, and be given motors as MJCF."""
    robot = tmp_path / "arm.urdf"
    inertia = '<inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
    link = f'<link name="{{}}"><inertial><mass value="1"/>{inertia}</inertial></link>'
    limit = '<limit lower="-1" upper="1" effort="1" velocity="1"/>'
    joint = f'<joint name="j" type="revolute"><parent link="a"/><child link="b"/>{limit}</joint>'
    robot.write_text(f'<robot name="arm">{link.format("a")}{link.format("b")}{joint}</robot>')
    log = table_of_arms(tmp_path / "arms.csv")
    done = skills(tmp_path, "discover", log, "--xml", robot, "--observation", "joint/0", "--action", "u0")
    assert "has no actuators" in done.stderr
    assert f"--env none --xml {robot}" in done.stderr
    assert not (tmp_path / "minari").exists()


def test_folders_of_rlds_episodes_are_read(tmp_path: Path) -> None:
    """The last step of an episode is of the state that it ended in."""
    importing.import_file(rlds_folder(tmp_path / "rlds"), NAME, "log", seconds=0.1)
    data = minari.load(NAME, NAME, steps=None, columns="motion")
    assert (len(data), len(data.episode_starts)) == (EPISODES * (LENGTH - 1), EPISODES)
    assert data.terminated[data.bounds[1:] - 1].tolist() == [True] * (EPISODES - 1) + [False]
    assert data.terminated.sum() == EPISODES - 1
    np.testing.assert_array_equal(data.next_observations[LENGTH - 2, 1:], arm(0)["state"][-1])


def test_what_is_no_log_is_refused_by_name(tmp_path: Path) -> None:
    path = lerobot_folder(tmp_path / "robot", "v3.0")
    (path / "data" / "chunk-000" / "file-000.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(SkillsError, match=r"file-000\.parquet cannot be read"):
        importing.import_file(path, NAME, "log")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SkillsError, match="of an unknown kind"):
        importing.import_file(tmp_path / "empty", NAME, "log")
    folder = rlds_folder(tmp_path / "rlds")
    np.savez(folder / "episode-0.npz", action=np.zeros((5, 3)), reward=np.zeros(4))
    with pytest.raises(SkillsError, match=r"episode-0\.npz is no episode"):
        importing.import_file(folder, NAME, "log")


def test_parquet_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lerobot_folder(tmp_path / "robot", "v3.0")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(SkillsError, match="needs pyarrow") as caught:
        importing.import_file(path, NAME, "log")
    assert caught.value.exit_code == ENVIRONMENT


def test_a_log_without_a_simulator_goes_through_the_whole_pipeline(tmp_path: Path) -> None:
    """Classes, rewards, policies, labels, a gallery with films of the columns, an export; playing is left out."""
    path = tmp_path / "arm.npz"
    episodes = [arm(number) for number in range(EPISODES)]
    columns = {name: np.concatenate([episode[name] for episode in episodes]) for name in episodes[0]}
    np.savez(
        path,
        observations=np.concatenate([columns["state"], columns["gripper"]], axis=1),
        actions=columns["action"],
        episode_ids=np.repeat(np.arange(EPISODES), LENGTH),
    )
    done = skills(tmp_path, "discover", path, "--preset", "smoke", "--skills", "3")
    assert done.returncode == USAGE
    assert "--env none" in done.stderr
    few = ("--preset", "smoke", "--skills", "3", "--set", "policy.steps=20")
    begun = skills(tmp_path, "discover", path, "--env", "none", *few)
    assert begun.returncode == 0, begun.stderr
    assert "Nothing can be played without an environment" in begun.stderr
    run = tmp_path / "runs" / "arm"
    measures = read_json(run / "measures.json")
    assert measures["summary"]["played"] is False
    assert all(skill["occupancy"] is None and skill["survival"] is None for skill in measures["skills"])
    assert len({skill["label"] for skill in measures["skills"]}) == 3
    page = read_json(run / "gallery" / "manifest.json")
    assert page["played"] is False
    assert not [name for name in page["families"] if "m/s" in name or "stands" in name]  # it goes nowhere
    assert all(skill["video"] for skill in page["skills"])
    rollouts = Rollouts.load(run / "rollouts" / "rollouts.npz")
    own = rollouts.classes[:, 0]
    shares = [float((own[skill] == skill).sum() / (own[skill] >= 0).sum()) for skill in range(3)]
    assert all(share > skill["support"] for share, skill in zip(shares, measures["skills"], strict=True))
    drawn = skills(tmp_path, "render", "arm", "--all", "--sheet", tmp_path / "sheet.png")
    assert drawn.returncode == 0, drawn.stderr
    exported = skills(tmp_path, "export", "arm", "--skill", "1")
    assert exported.returncode == 0, exported.stderr
    refused = skills(tmp_path, "evaluate", "arm")
    assert refused.returncode == USAGE
    assert "Nothing can be played" in refused.stderr
