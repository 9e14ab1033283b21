"""Switches, sequences and plans of bodies that are no batched simulation: an arm that is held in postures."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import skills
from constant import constant_policy, constant_run

from skills.bodies.quantities import QUANTITIES
from skills.errors import USAGE, SkillsError
from skills.measures.aims import parse_goals, reward_aim
from skills.measures.quantities import LoggedSteps, words_of
from skills.measures.switches import Switches, play_switches
from skills.playing.midst import midst_of
from skills.progress import silent_reporter
from skills.runs.folder import RunFolder

ARM = """
<mujoco><option timestep="0.01" gravity="0 0 0"/><worldbody>
  <geom type="plane" size="2 2 .1"/>
  <body pos="0 0 1"><joint name="shoulder" axis="0 1 0" damping="1"/>
    <geom type="capsule" fromto="0 0 0 .4 0 0" size=".04"/>
    <body pos=".4 0 0"><joint name="elbow" axis="0 1 0" damping="1"/>
      <geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/>
    </body></body>
</worldbody><actuator>
  <position joint="shoulder" kp="20" ctrlrange="-1 1" ctrllimited="true"/>
  <position joint="elbow" kp="20" ctrlrange="-1 1" ctrllimited="true"/>
</actuator></mujoco>
"""
POSTURES = [0.0, 0.8]
SAME_BODY = 'HalfCheetah-v5 {"steps": 1000}'  # under a key that is not simulated here


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("arm") / "arm.xml"
    path.write_text(ARM)
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, arm: str) -> RunFolder:
    return constant_run(tmp_path_factory.mktemp("midst") / "arm", arm, POSTURES)


@pytest.fixture(scope="module")
def switches(run: RunFolder) -> Switches:
    return play_switches(run, 2.0, 3, silent_reporter)


def test_a_body_that_is_led_somewhere_goes_on_as_one_that_is_put_there() -> None:
    """The midst of a gait, in both worlds: states to rounding, until contacts tell them apart."""
    seen = []
    for env_id in ("HalfCheetah-v5", SAME_BODY):
        midst = midst_of(constant_policy("HalfCheetah-v5", [0.0, 0.6]), env_id, 2, 2, 20)
        assert midst.up.all()
        transcript, fell = midst.go_on(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
        assert transcript.lengths.tolist() == [20] * 4
        assert not fell.any()
        seen.append(transcript)
    np.testing.assert_allclose(seen[0].states[:, :8], seen[1].states[:, :8], atol=0.01)
    np.testing.assert_array_equal(seen[0].actions, seen[1].actions)
    starts = np.abs(np.diff(seen[1].states[:, 0], axis=0)).max(axis=1)
    assert (starts > 0.01).all()  # four states, no two of them the same


def test_what_falls_before_it_gives_way_is_not_up(tmp_path: Path) -> None:
    key = 'Hopper-v5 {"steps": 1000}'
    midst = midst_of(constant_policy("Hopper-v5", [1.0, -1.0]), key, 2, 2, 250)
    assert not midst.up.any()
    seen, fell = midst.go_on(np.array([0, 0]), np.array([1, 1]))
    assert seen.lengths.tolist() == [0, 0]
    assert fell.all()


def test_an_arms_postures_give_way_to_each_other(switches: Switches) -> None:
    assert switches.tried.tolist() == [3, 3]
    assert (switches.survived == 1.0).all()
    assert switches.safe.tolist() == [[False, True], [True, False]]
    assert (switches.times <= 1.2).all()


def test_the_words_of_what_stands_fast_are_what_is_observed_of_it(arm: str, switches: Switches) -> None:
    words = words_of(arm)
    assert {name: one.meaning for name, one in words.items()} == {
        "o0": "shoulder", "o1": "elbow", "o2": "shoulder velocity", "o3": "elbow velocity",
        "energy": QUANTITIES["energy"].meaning,
    }  # fmt: skip
    np.testing.assert_allclose(switches.values[:, :, -1, 0], np.repeat(POSTURES, 3).reshape(2, 3), atol=0.02)
    steps = LoggedSteps(np.zeros((2, 4)), np.full((2, 2), 0.5), np.arange(8.0).reshape(2, 4), arm)
    assert {name: values.tolist() for name, values in steps.quantities.items()} == {
        "o0": [0, 4], "o1": [1, 5], "o2": [2, 6], "o3": [3, 7], "energy": [0.25, 0.25],
    }  # fmt: skip
    assert words_of("HalfCheetah-v5") is QUANTITIES
    swimmer = words_of("Swimmer-v5")
    assert (swimmer["o0"].meaning, swimmer["o3"].meaning) == ("free_body_rot", "slider1 velocity")


@pytest.mark.parametrize("asked", ["reward", "goal"])
def test_words_of_other_bodies_are_refused_with_its_own(arm: str, asked: str) -> None:
    """An arm has no vx: it would be 0 whatever the arm does."""
    with pytest.raises(SkillsError, match="no quantity 'vx'") as caught:
        reward_aim("vx", words_of(arm)) if asked == "reward" else parse_goals("vx=1", words_of(arm))
    assert caught.value.exit_code == USAGE
    assert "o0 (shoulder), o1 (elbow)" in caught.value.hint


def test_plans_and_sequences_of_an_arm(tmp_path: Path, run: RunFolder, switches: Switches) -> None:
    """Between two postures: both in turn, as planned."""
    planned = skills(tmp_path, "plan", run.path, "--goal", "o0=0.4, o1=0.4", "--seconds", "8", "--json", "-q")
    assert planned.returncode == 0, planned.stderr
    plan, single = json.loads(planned.stdout)["plan"], json.loads(planned.stdout)["single"]
    assert plan["means"]["o0"] == pytest.approx(0.4, abs=0.05)
    assert single["means"]["o0"] in (pytest.approx(0.0, abs=0.1), pytest.approx(0.8, abs=0.1))
    assert plan["achieved"]["value"] > single["achieved"]["value"]
    film = tmp_path / "arm.gif"
    composed = skills(tmp_path, "compose", run.path, "0*0.2s, 1*0.2s", "--out", film, "--size", "64", "-q")
    assert composed.returncode == 0, composed.stderr
    assert film.stat().st_size > 1000


def test_where_nothing_is_played_nothing_is_switched(tmp_path: Path) -> None:
    key = 'log {"high": [1.0], "low": [-1.0], "observations": 4}'
    done = skills(tmp_path, "transitions", constant_run(tmp_path / "log", key, POSTURES).path)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "Nothing can be played" in done.stderr
