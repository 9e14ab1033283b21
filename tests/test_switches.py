"""Switches between skills whose doing is known: postures that a cheetah is held in."""

from pathlib import Path

import numpy as np
import pytest
from constant import constant_run, on_their_backs

from skills.bodies.quantities import QUANTITIES
from skills.errors import SkillsError
from skills.files import read_arrays, write_arrays
from skills.measures.profile import LEVELS, in_switch_letters
from skills.measures.switches import Switches, known_switches, play_switches, required_switches
from skills.playing import midst
from skills.progress import Progress, silent_reporter
from skills.runs.folder import RunFolder

POSTURES = [0.0, 0.6, -0.6]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return constant_run(tmp_path_factory.mktemp("switches") / "run", "HalfCheetah-v5", POSTURES)


@pytest.fixture(scope="module")
def switches(run: RunFolder) -> Switches:
    return play_switches(run, 2.0, 3, silent_reporter)


def test_postures_give_way_to_each_other(switches: Switches) -> None:
    assert switches.tried.tolist() == [3, 3, 3]
    on_its_back = np.zeros((3, 3), bool)
    on_its_back[1, 2] = True  # what jumps from one posture to its opposite throws the cheetah over
    np.testing.assert_array_equal(switches.survived, np.where(on_its_back, 0.0, 1.0))
    assert not switches.safe[1, 2]
    assert np.diagonal(switches.reached).min() > 0.6
    assert np.diagonal(switches.times).max() <= 0.2  # it is there already
    others = ~np.eye(3, dtype=bool)
    assert switches.safe[others].mean() >= 0.8
    assert (switches.times[switches.safe] > 0).any()
    assert (switches.times[switches.safe] <= 2.0 - 0.8 + 0.05).all()
    assert not np.diagonal(switches.safe).any()
    for skill in range(3):
        times = [switches.times[skill, other] for other in switches.safest(skill)]
        assert times == sorted(times)


def test_quantities_of_a_skill_that_goes_on_are_kept(switches: Switches) -> None:
    energy = list(QUANTITIES).index("energy")
    np.testing.assert_allclose(
        switches.values[..., energy], np.square(POSTURES)[:, None, None].repeat(3, 1).repeat(40, 2), atol=1e-5
    )
    speed = list(QUANTITIES).index("vx")
    assert np.abs(switches.values[:, :, -1, speed]).max() < 0.2  # it has come to rest


def test_what_was_played_stays_and_a_run_that_stopped_goes_on_to_the_same(tmp_path: Path, switches: Switches) -> None:
    run = constant_run(tmp_path / "run", "HalfCheetah-v5", POSTURES)

    def stops(task: str, unit: str) -> Progress:
        def progress(done: int, total: int) -> None:
            if done:
                raise KeyboardInterrupt

        return progress

    with pytest.raises(KeyboardInterrupt):
        play_switches(run, 2.0, 3, stops)
    assert read_arrays(run.switches_file)["done"].tolist() == [True, False, False]
    assert known_switches(run) is None
    with pytest.raises(SkillsError, match="have not been played") as caught:
        required_switches(run)
    assert f"skills transitions {run.path}" in caught.value.hint
    again = play_switches(run, 2.0, 3, silent_reporter)
    for name, array in vars(switches).items():
        np.testing.assert_array_equal(getattr(again, name), array)
    written = run.switches_file.stat().st_mtime_ns
    play_switches(run, 2.0, 3, silent_reporter)
    assert run.switches_file.stat().st_mtime_ns == written
    assert known_switches(run) is not None


def test_those_of_another_policy_are_not_taken(tmp_path: Path) -> None:
    run = constant_run(tmp_path / "run", "HalfCheetah-v5", POSTURES)
    play_switches(run, 1.0, 1, silent_reporter)
    arrays = read_arrays(run.switches_file)
    write_arrays(run.switches_file, {**arrays, "key": np.array("another 1 1")})
    assert known_switches(run) is None


def test_a_skill_that_falls_before_has_nothing_to_give_way_from(tmp_path: Path) -> None:
    run = constant_run(tmp_path / "run", "Hopper-v5", [1.0, -1.0])
    found = play_switches(run, 2.0, 2, silent_reporter)
    assert found.tried.tolist() == [0, 0]
    assert np.isnan(found.survived).all()
    assert np.isnan(found.values).all()
    assert not found.safe.any()
    assert in_switch_letters(found) == "    "


def test_a_skill_that_lies_on_its_back_has_fallen_although_the_episode_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(midst, "start", on_their_backs)
    found = play_switches(constant_run(tmp_path / "run", "HalfCheetah-v5", POSTURES[:2]), 2.0, 2, silent_reporter)
    assert found.tried.tolist() == [0, 0]


def test_the_letters_of_the_page() -> None:
    nan = np.nan
    found = Switches(
        np.array([5, 5, 0]),
        np.array([[1, 1, 0.8], [1, 1, 1], [nan, nan, nan]], np.float32),
        np.array([[1, 1, 0.8], [0.4, 1, 0.8], [nan, nan, nan]], np.float32),
        np.array([[0, 3, 1], [1, 0, 1.5], [nan, nan, nan]], np.float32),
        np.zeros((3, 5, 1, len(QUANTITIES)), np.float32), np.ones(3, bool), np.array([3.0, 3.0]),
    )  # fmt: skip
    half = LEVELS[32]
    assert in_switch_letters(found) == f"A/-~A{half}   "
    assert found.safe.tolist() == [[False, True, False], [False, False, True], [False, False, False]]
