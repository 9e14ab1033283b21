"""MCAP files and ROS 2's bags: written here by mcap's own writer, and as ROS 2 lays SQLite out; read without ROS."""

import io
import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from commands import skills

from skills.bodies.body import body_of
from skills.data import importing, minari
from skills.errors import ENVIRONMENT, USAGE, SkillsError
from skills.files import read_json

pytest.importorskip("mcap", reason="mcap is installed with the extra `mcap`")
pytest.importorskip("mcap_ros2", reason="mcap-ros2-support is installed with the extra `mcap`")

from mcap.reader import make_reader
from mcap.writer import Writer
from mcap_ros2.writer import Writer as RosWriter

NAME = "logs/robot-v0"
HEADER = "std_msgs/Header header\n"
BELOW = """
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""
JOINTS = f"{HEADER}string[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort{BELOW}"
TWIST = """geometry_msgs/Vector3 linear
geometry_msgs/Vector3 angular
================================================================================
MSG: geometry_msgs/Vector3
float64 x
float64 y
float64 z
"""
WRENCH = f"{HEADER}float32[3] force\nbool touching{BELOW}"
LENGTH = 60
SECONDS = 0.1
CHOICE = {"observations": ["/joint_states/position", "/wrist/wrench"], "actions": ["/cmd_vel.linear"]}


def joints(step: int) -> SimpleNamespace:
    header = SimpleNamespace(stamp=SimpleNamespace(sec=step, nanosec=7), frame_id="base")
    position = [np.sin(0.1 * step), np.cos(0.1 * step)]
    return SimpleNamespace(header=header, name=["a", "b"], position=position, velocity=[0.5, -0.5], effort=[])


def twist(step: int) -> SimpleNamespace:
    linear = SimpleNamespace(x=0.01 * step, y=-0.01 * step, z=1.0)
    return SimpleNamespace(linear=linear, angular=SimpleNamespace(x=0.0, y=0.0, z=2.0))


def wrench(step: int) -> SimpleNamespace:
    return SimpleNamespace(header=joints(step).header, force=[1.0 * step, 0.0, -1.0], touching=step % 2 == 0)


def mcap_bag(path: Path, length: int = LENGTH, pause: int | None = None) -> Path:
    """Joints at 50 Hz, a command ten times a second, a wrench twice: each at its own times, in whatever order."""
    with path.open("wb") as stream, RosWriter(stream) as writer:
        kinds = {
            "/joint_states": writer.register_msgdef("sensor_msgs/msg/JointState", JOINTS),
            "/cmd_vel": writer.register_msgdef("geometry_msgs/msg/Twist", TWIST),
            "/wrist": writer.register_msgdef(
                "mine/msg/Wrist", f"mine/Wrench wrench\n{'=' * 80}\nMSG: mine/Wrench\n{WRENCH}"
            ),
        }
        for topic, every, make in (
            ("/wrist", 0.5, lambda step: SimpleNamespace(wrench=wrench(step))),
            ("/cmd_vel", SECONDS, twist),
            ("/joint_states", 0.02, joints),
        ):
            for step in range(round(length * SECONDS / every)):
                late = 100.0 if pause is not None and step * every >= pause * SECONDS - 1e-9 else 0.0
                time = 10**18 + round((late + step * every) * 1e9)
                writer.write_message(topic, kinds[topic], make(step), log_time=time, publish_time=time)
    return path


def sqlite_bag(folder: Path, source: Path, definitions: bool = True) -> Path:
    """The same messages as ROS 2 (Jazzy) keeps them with SQLite, in two files of one recording."""
    folder.mkdir()
    (folder / "metadata.yaml").write_text("rosbag2_bagfile_information: {version: 9}\n")
    with source.open("rb") as stream:
        records = list(make_reader(stream).iter_messages())
    half = len(records) // 2
    for number, part in enumerate((records[:half], records[half:])):
        database = sqlite3.connect(folder / f"robot_{number}.db3")
        database.executescript(
            "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,"
            " serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL,"
            " type_description_hash TEXT NOT NULL);"
            "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,"
            " data BLOB NOT NULL);"
        )
        if definitions:
            database.execute(
                "CREATE TABLE message_definitions(id INTEGER PRIMARY KEY, topic_type TEXT NOT NULL,"
                " encoding TEXT NOT NULL, encoded_message_definition TEXT NOT NULL, type_description_hash TEXT)"
            )
        for schema, channel, _ in {channel.id: (schema, channel, 0) for schema, channel, _ in records}.values():
            row = (channel.id, channel.topic, schema.name, "cdr", "", "")
            database.execute("INSERT INTO topics VALUES (?, ?, ?, ?, ?, ?)", row)
            if definitions:
                known = (schema.name, schema.encoding, schema.data.decode(), "")
                database.execute("INSERT INTO message_definitions VALUES (NULL, ?, ?, ?, ?)", known)
        for _, channel, message in part:
            row = (channel.id, message.log_time, message.data)
            database.execute("INSERT INTO messages VALUES (NULL, ?, ?, ?)", row)
        database.commit()
        database.close()
    return folder


def read(path: Path, name: str = NAME, **choice: Any) -> Any:
    importing.import_file(path, name, "log", **(choice or CHOICE))
    return minari.load(name, name, steps=None, columns="motion")


@pytest.mark.parametrize("kind", ["mcap", "sqlite"])
def test_rows_are_the_commands_and_what_was_last_said_by_then(tmp_path: Path, kind: str) -> None:
    path = mcap_bag(tmp_path / "robot.mcap")
    if kind == "sqlite":
        path = sqlite_bag(tmp_path / "robot", path)
    data = read(path)
    assert data.observation_parts == (("position", 2), ("wrench", 4))
    assert (len(data), len(data.episode_starts)) == (LENGTH - 1, 1)
    steps = np.arange(LENGTH - 1)
    np.testing.assert_allclose(data.observations[:, 0], np.sin(0.1 * 5 * steps), atol=1e-6)  # five joints a command
    np.testing.assert_allclose(data.observations[:, 2], steps // 5, atol=1e-6)  # a wrench every five commands
    np.testing.assert_array_equal(data.observations[:, 5], (steps // 5) % 2 == 0)
    np.testing.assert_array_equal(data.next_observations[:-1], data.observations[1:])
    body = body_of(data.env_id)
    assert body.seconds_per_step == pytest.approx(SECONDS, abs=1e-9)
    moved = body.actions.outward(data.actions)
    np.testing.assert_allclose(moved[:, 0], 0.01 * steps, atol=1e-4)
    np.testing.assert_allclose(moved[:, 1], -0.01 * steps, atol=1e-4)


def test_recordings_of_a_folder_are_episodes_and_a_pause_ends_one(tmp_path: Path) -> None:
    folder = tmp_path / "day"
    folder.mkdir()
    mcap_bag(folder / "a.mcap", 40)
    mcap_bag(folder / "b.mcap", 30, pause=10)
    data = read(folder)
    assert data.lengths.tolist() == [39, 9, 19]
    assert not data.terminated.any()
    np.testing.assert_allclose(data.observations[data.episode_starts[2], 0], np.sin(0.1 * 50), atol=1e-6)


def test_json_is_read_too_and_columns_that_end_alike_keep_their_names(tmp_path: Path) -> None:
    path = tmp_path / "arms.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream)
        writer.start()
        schema = writer.register_schema("arm", "jsonschema", b'{"type": "object"}')
        ids = {topic: writer.register_channel(topic, "json", schema) for topic in ("left", "right", "command")}
        for step in range(20):
            for side, sign in (("left", 1), ("right", -1)):
                said = json.dumps({"state": {"q": [sign * step, 0.5]}, "name": side}).encode()
                writer.add_message(ids[side], step * 10**8, said, step * 10**8)
            writer.add_message(ids["command"], step * 10**8, json.dumps({"u": step / 20}).encode(), step * 10**8)
        writer.finish()
    data = read(path, observations=["left/state", "right/state"], actions=["command"])
    assert data.observation_parts == (("left.state", 2), ("right.state", 2))
    np.testing.assert_array_equal(data.observations[:, 0], np.arange(19))
    np.testing.assert_array_equal(data.observations[:, 2], -np.arange(19))


def test_a_recording_does_not_say_what_is_done_and_is_told_what_it_has(tmp_path: Path) -> None:
    path = mcap_bag(tmp_path / "robot.mcap")
    done = skills(tmp_path, "discover", path, "--env", "none")
    assert (done.returncode, done.stdout) == (USAGE, "")
    for name in ("/joint_states.position", "/cmd_vel.angular.z", "/wrist.wrench.force", "/wrist.wrench.touching"):
        assert name in done.stderr
    assert "/joint_states.effort" not in done.stderr  # there is nothing in it
    assert "header" not in done.stderr
    assert "--observation" in done.stderr


@pytest.mark.parametrize(
    ("observation", "said"),
    [
        ("/joints", "no topic of '/joints'"),
        ("/joint_states/angle", "have no 'angle'"),
        ("/joint_states/effort", "has no numbers"),
        ("/joint_states/name", "has no numbers"),
    ],
)
def test_what_is_not_recorded_is_refused_by_name(tmp_path: Path, observation: str, said: str) -> None:
    path = mcap_bag(tmp_path / "robot.mcap")
    with pytest.raises(SkillsError, match=said) as caught:
        read(path, observations=[observation], actions=["/cmd_vel"])
    assert caught.value.exit_code == USAGE


def test_other_encodings_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "robot.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream)
        writer.start()
        schema = writer.register_schema("arm.State", "protobuf", b"...")
        writer.add_message(writer.register_channel("state", "protobuf", schema), 0, b"...", 0)
        writer.finish()
    with pytest.raises(SkillsError, match="not read here: protobuf"):
        read(path, observations=["state"], actions=["state"])
    old = sqlite_bag(tmp_path / "humble", mcap_bag(tmp_path / "source.mcap", 10), definitions=False)
    with pytest.raises(SkillsError, match="does not say what its messages are") as caught:
        read(old)
    assert "ros2 bag convert" in caught.value.hint


@pytest.mark.parametrize("how", ["cut", "no bag", "message"])
def test_damaged_recordings_are_called_so(tmp_path: Path, how: str) -> None:
    path = mcap_bag(tmp_path / "robot.mcap")
    content = path.read_bytes()
    if how == "message":
        path = tmp_path / "robot.db3"
        folder = sqlite_bag(tmp_path / "robot", tmp_path / "robot.mcap")
        path = folder / "robot_0.db3"
        with sqlite3.connect(path) as database:
            database.execute("UPDATE messages SET data = x'0001'")
    else:
        path.write_bytes(content[: len(content) // 2] if how == "cut" else b"no bag" * 100)
    with pytest.raises(SkillsError, match="is damaged") as caught:
        read(path)
    assert "mcap recover" in caught.value.hint


def test_bags_need_their_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mcap_bag(tmp_path / "robot.mcap")
    monkeypatch.setitem(__import__("sys").modules, "mcap.reader", None)
    with pytest.raises(SkillsError, match="needs mcap and mcap-ros2-support") as caught:
        read(path)
    assert caught.value.exit_code == ENVIRONMENT
    assert "skills[mcap]" in caught.value.hint


def test_a_bag_goes_through_the_pipeline(tmp_path: Path) -> None:
    """And another of the same robot is cut into behaviours without its columns being said again."""
    path = mcap_bag(tmp_path / "robot.mcap", 300)
    names = ("--observation", "/joint_states.position,/wrist.wrench.force", "--action", "/cmd_vel.linear")
    few = ("--preset", "smoke", "--skills", "2", "--set", "policy.steps=20", "--run", tmp_path / "run")
    unsaid = skills(tmp_path, "discover", path, "--env", "none", *few)
    assert unsaid.returncode == USAGE
    assert "--observation A,B --action C" in unsaid.stderr
    begun = skills(tmp_path, "discover", path, "--env", "none", *names, *few)
    assert begun.returncode == 0, begun.stderr
    assert all(skill["video"] for skill in read_json(tmp_path / "run" / "gallery" / "manifest.json")["skills"])
    other = mcap_bag(tmp_path / "other.mcap", 100)
    cut = skills(tmp_path, "segment", tmp_path / "run", other, "--csv", tmp_path / "steps.csv")
    assert cut.returncode == 0, cut.stderr
    assert len((tmp_path / "steps.csv").read_text().splitlines()) == 100  # a head, and rows but the last


def test_an_empty_file_is_no_recording(tmp_path: Path) -> None:
    stream = io.BytesIO()
    writer = Writer(stream)
    writer.start()
    writer.finish()
    (tmp_path / "robot.mcap").write_bytes(stream.getvalue())
    with pytest.raises(SkillsError, match="no topic of"):
        read(tmp_path / "robot.mcap")
