"""`skills play` below the page: what is shown, what is ordered, who is let in, and how it ends."""

import contextlib
import json
import queue
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import COMMAND, environment, heed_interrupts
from commands import skills as command
from constant import constant_policy
from recordings import random_rollouts
from small import RUN, SKILLS, finished
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from skills.bodies.body import body_of
from skills.bodies.worlds import open_world
from skills.errors import ENVIRONMENT, USAGE
from skills.measures.steering import Steering, steering_of
from skills.playing.live import LiveBody
from skills.playing.rollout import lockstep, start
from skills.videos.films.films import Style
from skills.videos.live.orders import Order, read_order
from skills.videos.live.recording import Recorder
from skills.videos.live.reel import Reel
from skills.videos.live.session import Cast, Session


class Held:
    """Two skills that hold all motors, whatever the body."""

    def __init__(self, motors: int) -> None:
        self.motors = motors

    def act(self, observations: Any, skills: Any) -> Any:
        return np.repeat(np.array([0.5, -0.5], np.float32)[skills][:, None], self.motors, axis=1)


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "Reacher-v5"])
def test_what_is_played_by_hand_is_what_a_sequence_plays(env_id: str) -> None:
    """The same start, the same skill at each step: the same states, batched or in Gymnasium's own world."""
    actor = Held(len(body_of(env_id).actions.low))
    schedule = np.array([0, 0, 1, 1, 0, 1, 1, 1], np.int64)
    body = LiveBody(actor, env_id, 0, seed=4)
    states = [body.qpos]
    for skill in schedule:
        body.skill = int(skill)
        body.step()
        states.append(body.qpos)
    body.close()
    world = open_world(env_id, 1)
    moments = lockstep(actor, world, start(world, 1, 4), schedule[None], len(schedule))
    np.testing.assert_array_equal(states[1:], [moment.qpos[0].astype(np.float32) for moment in moments])
    world.close()
    assert np.abs(np.diff(states, axis=0)).max(axis=1).min() > 0


def test_a_fall_is_told_and_a_reset_starts_elsewhere() -> None:
    body = LiveBody(constant_policy("Hopper-v5", [0.0]), "Hopper-v5", 0, seed=0)
    first = body.qpos
    while not body.fell:
        body.step()
    assert 5 < body.steps < 300
    body.reset()
    assert (body.steps, body.fell) == (0, False)
    assert np.abs(body.qpos - first).max() > 1e-4
    again = LiveBody(constant_policy("Hopper-v5", [0.0]), "Hopper-v5", 0, seed=0)
    np.testing.assert_array_equal(again.qpos, first)


def test_between_two_steps_a_joint_is_half_way_and_a_turn_goes_the_short_way() -> None:
    model = body_of("Ant-v5").model
    assert model is not None
    one, two = np.array(model.qpos0, np.float32), np.array(model.qpos0, np.float32)
    one[3:7] = [np.cos(0.1), 0, 0, np.sin(0.1)]
    two[3:7] = [-np.cos(0.3), 0, 0, -np.sin(0.3)]  # the same turn as with both signs changed
    two[0], two[7] = 1.0, 0.4
    reel = Reel(one)
    reel.add(two)
    reel.forward(0.5)
    assert reel.ahead == 0.5
    shown = reel.shown(model)
    assert shown[0] == pytest.approx(0.5)
    assert shown[7] == pytest.approx(0.2)
    np.testing.assert_allclose(np.abs(shown[3:7]), [np.cos(0.2), 0, 0, np.sin(0.2)], atol=1e-6)
    reel.forward(7.0)
    assert reel.ahead == 0.0
    np.testing.assert_allclose(reel.shown(model), two)


def test_the_nearest_skill_is_one_that_stays_up() -> None:
    velocities = np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    steering = Steering(velocities, np.array([True, False, True, True]))
    assert steering.fastest == (1.0, 1.0, 2.0)
    assert [steering.nearest(one) for one in ([1.9, 0, 0], [0.2, 0.7, 0], [0, 0, 1.5])] == [0, 2, 3]


def test_measured_velocities_are_those_of_the_recorded_states() -> None:
    rollouts = random_rollouts("Hopper-v5", skills=2, rollouts=2, steps=100)
    rollouts.qpos[..., 0] = np.arange(101) * 0.008 * np.array([1.5, -0.5])[:, None, None]
    rollouts.qpos[..., 1:] = rollouts.qpos[:, :, :1, 1:]
    rollouts.terminated[:] = False
    rollouts.lengths[:] = 100
    steering = steering_of(rollouts, "Hopper-v5")
    assert steering is not None
    np.testing.assert_allclose(steering.velocities, [[1.5, 0, 0], [-0.5, 0, 0]], atol=1e-4)
    assert steering_of(rollouts, "Reacher-v5") is None


def test_an_order_is_read_as_it_was_meant_and_nonsense_is_none() -> None:
    assert read_order('{"number": 1, "skill": 2}', 3) == Order(1, skill=2)
    assert read_order('{"number": 2, "command": [1, -0.5, 0]}', 3) == Order(2, command=(1.0, -0.5, 0.0))
    assert read_order('{"number": 3, "reset": true, "rate": 0.25, "record": false}', 3) == Order(
        3, reset=True, rate=0.25, record=False
    )
    for nonsense in (
        "", "[]", "drawn", "null", '{"skill": 1}', '{"number": 1, "skill": 3}', '{"number": 1, "skill": -1}',
        '{"number": true, "skill": 1}', '{"number": 1, "skill": "1"}', '{"number": 1, "rate": 3}',
        '{"number": 1, "command": [1, 2]}', '{"number": 1, "command": [1, 2, NaN]}', '{"number": 1, "record": 1e400}',
        '{"number": 1, "command": [1, 2, "3"]}', "[" * 3000,
    ):  # fmt: skip
        assert read_order(nonsense, 3) is None, nonsense


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """An ant of four skills that hold still, watched by a queue of its pictures."""
    policy = constant_policy("Ant-v5", [0.0, 0.2, -0.2, 0.4])
    steering = Steering(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), np.ones(4, bool))
    style = Style("Ant-v5", width=64, height=48)
    with Session(Cast(policy, ("a", "b", "c", "d"), steering, style, "ray", tmp_path, 0)) as session:
        yield session


def seen(session: Session, number: int) -> dict[str, Any]:
    """What is said of the first picture after an order."""
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def tell() -> None:
        told.put(session.picture.about if session.picture else {})

    session.watch(tell)
    while (about := told.get(timeout=60))["number"] < number:
        pass
    session.leave(tell)
    return about


def test_a_command_takes_the_nearest_skill_within_what_skills_can_do(session: Session) -> None:
    session.order(Order(1, command=(0.1, 9.0, 0.0)))
    about = seen(session, 1)
    assert about["skill"] == 2
    assert about["command"] == (0.1, 1.0, 0.0)
    session.order(Order(2, skill=3))
    about = seen(session, 2)
    assert (about["skill"], about["command"]) == (3, None)


def test_another_skill_acts_at_once_and_not_when_the_next_step_is_due(session: Session) -> None:
    """Ant's steps last 50 ms; the order is heeded in a small part of that, but for a picture that is being drawn."""
    seen(session, 0)
    waits = []
    for number in range(1, 13):
        given = time.time()
        session.order(Order(number, skill=number % 4))
        waits.append(seen(session, number)["acted"] / 1000 - given)
    assert min(waits) < 0.02


def test_slow_motion_slows_and_a_pause_stops(session: Session) -> None:
    session.order(Order(1, rate=0.0))
    stopped = seen(session, 1)["seconds"]
    session.order(Order(2, skill=1))
    assert seen(session, 2)["seconds"] == stopped
    session.order(Order(3, rate=0.1, reset=True))
    begun, at = time.perf_counter(), seen(session, 3)["seconds"]
    while (now := seen(session, 3)["seconds"]) == at:
        pass
    assert now - at <= 0.11
    assert time.perf_counter() - begun > 0.1


def test_what_was_recorded_is_a_film_of_that_length(session: Session, tmp_path: Path) -> None:
    (tmp_path / "play-1.mp4").write_text("somebody's")
    session.order(Order(1, record=True))
    while (seen(session, 1)["recorded"] or 0) < 0.5:
        pass
    session.order(Order(2, record=False))
    while (about := seen(session, 2))["filming"] or "Drawing" in about["said"]:
        pass
    import imageio.v3

    frames = imageio.v3.imread(tmp_path / "play-2.mp4", plugin="FFMPEG")
    assert frames.shape[1:] == (48, 64, 3)
    assert len(frames) >= 11
    assert (tmp_path / "play-1.mp4").read_text() == "somebody's"


def test_a_folder_that_cannot_be_written_is_said_and_the_play_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = Recorder(tmp_path / "file", Style("Hopper-v5", width=40, height=40), "ray", {0: "hops"})
    state = np.array(body_of("Hopper-v5").rest, np.float32)
    recorder.begin(state)
    for _ in range(3):
        recorder.add(state, 0)
    recorder.end()
    recorder.wait()
    assert recorder.said.startswith("No film: ")


def test_a_world_that_breaks_ends_the_server_and_says_why(tmp_path: Path) -> None:
    class Broken:
        def act(self, observations: Any, skills: Any) -> Any:
            raise ValueError("broken")

    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        cast = Cast(Broken(), ("a",), None, Style("Hopper-v5", width=32, height=32), "ray", tmp_path, 0)
        with Session(cast) as session:
            session.watch(lambda: None)
            while session.error is None:
                time.sleep(0.01)
        time.sleep(0.01)
    finally:
        signal.signal(signal.SIGINT, before)
    assert str(session.error) == "broken"
    assert caught == [signal.SIGINT]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("play")
    finished(home)
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    process, at = started(home)
    yield at
    process.kill()
    process.communicate()


def started(home: Path, *arguments: object) -> "tuple[subprocess.Popen[str], str]":
    words = [*COMMAND, "play", RUN, "--renderer", "ray", "--size", "64x48", *map(str, arguments)]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(home), cwd=home,
        preexec_fn=heed_interrupts,
    )  # fmt: skip
    assert process.stdout is not None
    at = process.stdout.readline().strip()
    assert at.startswith("http://127.0.0.1:"), process.stderr and process.stderr.read()
    return process, at


def socket_of(address: str, origin: str | None = None, **more: Any) -> ClientConnection:
    at = address.replace("http", "ws") + "play"
    return connect(at, origin=origin or address.rstrip("/"), open_timeout=60, compression=None, **more)  # type: ignore[arg-type]


def pictured(message: str | bytes) -> tuple[dict[str, Any], bytes]:
    assert isinstance(message, bytes)
    (size,) = struct.unpack("<I", message[:4])
    return json.loads(message[4 : 4 + size]), message[4 + size :]


def test_the_socket_tells_what_there_is_and_shows_what_is_ordered(address: str) -> None:
    with socket_of(address) as socket:
        about = json.loads(socket.recv(60))
        assert len(about["labels"]) == SKILLS
        assert len(about["fastest"]) == 3
        assert about["size"] == [64, 48]
        socket.send('{"number": 1, "skill": 2}')
        told: dict[str, Any] = {"number": 0}
        while told["number"] < 1:
            told, jpeg = pictured(socket.recv(60))
            socket.send("drawn")
        assert told["skill"] == 2
        assert jpeg[:3] == b"\xff\xd8\xff"


def test_no_more_pictures_are_on_their_way_than_are_drawn(address: str) -> None:
    with socket_of(address) as socket:
        socket.recv(60)
        for _ in range(2):
            pictured(socket.recv(60))
        with pytest.raises(TimeoutError):
            socket.recv(0.5)
        socket.send("drawn")
        pictured(socket.recv(60))


def test_nonsense_ends_the_talk_and_not_the_session(address: str) -> None:
    with socket_of(address) as socket:
        socket.send("nonsense")
        with contextlib.suppress(ConnectionClosed):
            while True:
                socket.recv(60)
        assert socket.close_code == 1003
    with socket_of(address) as socket:
        assert json.loads(socket.recv(60))["labels"]


def test_a_page_from_elsewhere_is_not_let_in(address: str) -> None:
    for more in ({"origin": "http://evil.example"}, {"additional_headers": {"Host": "evil.example"}}):
        with pytest.raises(Exception, match=r"HTTP 40[03]"):
            socket_of(address, **more)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_though_somebody_watches(home: Path, number: int) -> None:
    process, at = started(home)
    with socket_of(at) as socket:
        socket.recv(60)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_without_the_extra_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    done = command(home, "play", RUN)
    assert done.returncode == ENVIRONMENT
    assert "pip install 'skills[play]'" in done.stderr


def test_logs_that_nothing_simulates_are_not_played(home: Path, tmp_path: Path) -> None:
    from small import QUICKLY, check, log

    log(tmp_path / "log.npz")
    check(command(home, "discover", tmp_path / "log.npz", "--env", "none", "--run", tmp_path / "none", *QUICKLY))
    done = command(home, "play", tmp_path / "none")
    assert done.returncode == USAGE
    assert "nothing simulates" in done.stderr
    assert "skills gallery" in done.stderr
