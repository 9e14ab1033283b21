"""What stands fast is told by what it moves around it, then by its own joints."""

import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from commands import skills
from PIL import Image

from skills.bodies.body import body_of
from skills.bodies.things import own_joints, things_of
from skills.files import read_json
from skills.measures.columns import label_columns, spoken

TABLE = """
<mujoco model="arm"><worldbody>
  <body name="upper"><joint name="shoulder" axis="0 0 1"/><geom size=".05 .1" type="capsule"/>
    <body name="lower" pos=".3 0 0"><joint name="elbow_joint" axis="0 0 1"/><geom size=".05 .1" type="capsule"/></body>
  </body>
  <body name="lid" pos="1 0 0"><joint name="lid_hinge" axis="0 1 0"/><geom size=".1"/></body>
  <body name="small_box" pos="0 1 0"><freejoint/><geom size=".1 .1 .1" type="box"/></body>
  <body name="drawer" pos="0 2 0"><joint name="rail" type="slide" axis="1 0 0"/><geom size=".1"/></body>
</worldbody><actuator><motor joint="shoulder"/><motor joint="elbow_joint"/></actuator></mujoco>
"""


@pytest.fixture
def arm(tmp_path):
    path = tmp_path / "arm.xml"
    path.write_text(TABLE)
    return str(path)


def states(lid=0.0, box=(0.0, 0.0, 0.0), drawer=0.0, shoulder=0.0, elbow=0.0):
    """[T, 11] joints that go evenly from rest to there and half of the way back."""
    rest = np.array([0, 0, 0.5, 0, 1, 0, 1, 0, 0, 0, 0.2])
    there = np.array([shoulder, elbow, lid, *box, 0, 0, 0, 0, drawer])
    return rest + np.concatenate([np.linspace(0, 1, 20), np.linspace(1, 0.5, 10)])[:, None] * there


def test_things_are_what_no_motor_of_the_body_drives(arm):
    assert [(one.name, one.turns.tolist(), one.slides.tolist()) for one in things_of(arm)] == [
        ("lid", [2], []),
        ("small_box", [], [3, 4, 5]),
        ("drawer", [], [10]),
    ]
    assert own_joints(arm).tolist() == [0, 1]


def test_what_goes_about_or_is_alone_has_no_things_around_it():
    for env_id in ("Humanoid-v5", "Hopper-v5", "InvertedDoublePendulum-v5"):
        assert things_of(env_id) == ()
    alone = body_of("InvertedDoublePendulum-v5")
    assert own_joints("InvertedDoublePendulum-v5").tolist() == list(range(len(alone.joint_names)))


def test_labels_say_what_is_moved_and_how_far_it_got(arm):
    played = [
        states(lid=np.pi / 2, drawer=0.3, elbow=1.0),
        states(box=(0.3, 0.4, 0.0)),
        states(lid=0.05, drawer=0.01),
        states(shoulder=-1.0),
    ]
    labels = label_columns(played, arm)
    assert labels[0] == "turns lid 90 deg, moves drawer 30 cm, high elbow"
    assert labels[1].startswith("moves small box 50 cm")
    assert "turns" not in labels[2]
    assert "moves drawer" not in labels[2]
    assert labels[3] == "low shoulder, low elbow"  # nothing of the shoulder's swing: one trait a joint
    assert label_columns(played[2:3] * 2, arm) == ["as most"] * 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("THJ4", "thumb joint 4"), ("robot0:FFJ3", "first finger joint 3"), ("ARRx", "arm turn x"), ("ARTz", "arm z"),
        ("robot0:shoulder_pan_joint", "shoulder pan"), ("hip_1", "hip 1"), ("", ""),
    ],
)  # fmt: skip
def test_names_of_joints_are_spoken(name, said):
    assert spoken(name) == said


def test_a_hand_opens_a_door():
    pytest.importorskip("gymnasium_robotics")
    door, latch = things_of("AdroitHandDoor-v1")
    names = body_of("AdroitHandDoor-v1").joint_names
    assert [(one.name, [names[number] for number in one.turns]) for one in (door, latch)] == [
        ("door", ["door_hinge"]),
        ("latch", ["latch"]),
    ]
    opened = np.zeros((10, 30))
    opened[:, door.turns] = np.linspace(0, np.pi / 2, 10)[:, None]
    still = np.zeros((10, 30))
    still[:, names.index("THJ0")] = 0.3
    labels = label_columns([opened, still, still], "AdroitHandDoor-v1")
    assert labels[0].startswith("turns door 90 deg")
    assert "thumb joint 0" in labels[1]


def pushed(path: Path, episodes: int = 12) -> Path:
    """A log of an arm that swings, held at other places."""
    generator, rows = np.random.default_rng(0), []
    with gymnasium.make("Pusher-v5") as env:
        for number in range(episodes):
            state, ended, held = env.reset(seed=number)[0], False, generator.uniform(-1, 1, 7)
            while not ended:
                action = np.clip(held + 0.3 * generator.standard_normal(7), -2, 2).astype(np.float32)
                after, reward, *ends, _ = env.step(action)
                rows.append((state, action, after, reward, number))
                state, ended = after, any(ends)
    names = ("observations", "actions", "next_observations", "rewards", "episode_ids")
    np.savez(path, **{name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})
    return path


def test_nothing_is_said_of_how_what_stands_fast_travels(tmp_path):
    few = ("--preset", "smoke", "--skills", "3", "--set", "policy.steps=20", "--set", "rollout.horizon=300", "--json")
    done = skills(tmp_path, "discover", pushed(tmp_path / "arm.npz"), "--env", "Pusher-v5", *few, "--no-videos")
    assert done.returncode == 0, done.stderr
    lines = {line["name"]: line["explanation"] for line in json.loads(done.stdout)["summary"]}
    assert "Speed spread" not in lines
    assert "over 100 steps" in lines["Best return"]  # its episodes end sooner than the horizon
    run = tmp_path / "runs" / "arm"
    page = read_json(run / "gallery" / "manifest.json")
    assert not [name for name in page["families"] if "m/s" in name or "stands" in name]
    drawn = skills(tmp_path, "render", run, "--all", "--sheet", tmp_path / "sheet.png")
    assert drawn.returncode == 0, drawn.stderr
    tiles = np.asarray(Image.open(tmp_path / "sheet.png"), np.float32)[40:170]
    assert not np.array_equal(tiles[:, 10:240], tiles[:, 256:486])  # two skills end otherwise
