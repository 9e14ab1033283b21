"""Logs as a joystick makes them: what is asked, who acts, what is kept of it, and that bodies do as they are told."""

import json
from pathlib import Path

import minari
import numpy as np
import pytest
from test_directions import START, quarter_turned
from test_embedded import assert_same, stored

from skills.bodies.fast import Simulation
from skills.data import catalog, sources
from skills.data.made import embedded, shipped
from skills.data.made.directions import facing
from skills.data.made.driver import Driver, Orders, orders
from skills.data.made.joystick import JOYSTICKS, SECONDS
from skills.data.made.shipped import ShippedPolicy
from skills.errors import SkillsError
from skills.files import read_json
from tools.behaviours import drivers, ppo
from tools.behaviours.commanded import LESSONS, Commanded, told
from tools.behaviours.following import Drive, done, follow
from tools.behaviours.ppo import PPOConfig

BODIES = list(JOYSTICKS)
TINY = PPOConfig(steps=1024, simulations=8, rollout=32, epochs=1, minibatch=128, hidden=16)


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    """An empty Minari root."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def networks(body: str) -> dict[str, ShippedPolicy]:
    return {level: shipped.load(body, level) for level in JOYSTICKS[body].networks}


def ordered(body: str, name: str, episodes: int) -> list[Orders]:
    """The middle of the same cell all the time."""
    number = cell_names(body).index(name)
    command = np.array(JOYSTICKS[body].cells[number].middle, np.float32)
    return [Orders(np.full(1000, number, np.int32), np.tile(command, (1000, 1)))] * episodes


def cell_names(body: str) -> list[str]:
    return [cell.name for cell in JOYSTICKS[body].cells]


@pytest.mark.parametrize("body", BODIES)
def test_cells_are_those_of_the_measures_and_do_not_touch(body):
    counts = {"ant": 8 * 3 + 2 + 1, "halfcheetah": 8 * 2, "walker2d": 6, "hopper": 4}
    cells = JOYSTICKS[body].cells
    assert len(cells) <= counts[body]
    assert len({cell.name for cell in cells}) == len(cells)
    for number, one in enumerate(cells):
        for other in cells[:number]:
            pairs = zip(one.low, one.high, other.low, other.high, strict=True)
            assert any(low > top or high < bottom for low, high, bottom, top in pairs), (one.name, other.name)


@pytest.mark.parametrize("body", BODIES)
def test_a_command_lasts_two_to_six_seconds_and_lies_in_its_cell(body):
    joystick = JOYSTICKS[body]
    seen = set()
    for episode in range(8):
        found = orders(joystick, 3, episode)
        assert found.cells.shape == (1000,)
        changes = np.flatnonzero((np.diff(found.commands, axis=0) != 0).any(axis=1)) + 1
        lengths = np.diff([0, *changes]) * joystick.seconds_per_step  # the last is cut off by the end
        assert lengths.size
        assert SECONDS[0] - 0.03 <= lengths.min()
        assert lengths.max() <= 2 * SECONDS[1] + 0.03  # "stands" may follow itself unseen
        for row in [0, *changes]:
            cell = joystick.cells[found.cells[row]]
            assert (np.array(cell.low, np.float32) <= found.commands[row]).all()
            assert (found.commands[row] <= np.array(cell.high, np.float32)).all()
        seen |= set(found.cells.tolist())
    assert len(seen) > 1
    again, other = orders(joystick, 3, 0), orders(joystick, 4, 0)
    np.testing.assert_array_equal(orders(joystick, 3, 0).commands, again.commands)
    assert not np.array_equal(again.commands, other.commands)


def test_an_ant_that_is_told_to_go_left_goes_as_one_that_is_told_to_go_ahead():
    """The one told to go left stands as the other would after a quarter turn to the right, its legs numbered anew."""
    simulation = Simulation("Ant-v5", 2, threads=1)
    observations = simulation.set_state(np.stack([START, quarter_turned(START, 3)]), np.zeros((2, 14)))
    assert facing(observations)[1] == pytest.approx(-np.pi / 2)
    joystick, runner = JOYSTICKS["ant"], shipped.load("ant", "simple")
    commands = np.array([[1.6, 0.0, 0.0], [1.6, np.pi / 2, 0.0]])
    for _ in range(4):  # then they drift apart: which way an ant that leans faces is told by its first pair of legs
        view = joystick.seen(observations, commands)
        np.testing.assert_allclose(view.columns[1, :27], view.columns[0, :27], atol=0.01)
        observations = simulation.step(view.undo(view.gains * runner.act(view.columns))).observations
    np.testing.assert_allclose(simulation.qpos[1, :3], simulation.qpos[0, :3], atol=1e-3)


def test_an_ant_has_less_vigour_the_slower_it_shall_go_and_none_where_it_shall_stand():
    commands = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [1.6, 0.0, 0.0], [0.8, 0.0, 1.0]])
    observations = np.tile(np.eye(1, 27, 1), (4, 1))
    gains = JOYSTICKS["ant"].seen(observations, commands).gains[:, 0]
    assert gains[0] == 0
    assert 0 < gains[1] < gains[2] < gains[3] == 1


@pytest.mark.parametrize(("name", "sign"), [("turns left", 1), ("turns right", -1)])
def test_an_ant_turns_where_it_is_told(name, sign):
    simulation, generators = Simulation("Ant-v5", 4, threads=1), [np.random.default_rng(seed) for seed in range(4)]
    driver = Driver(JOYSTICKS["ant"], networks("ant"), ordered("ant", name, 4))
    observations, rates = simulation.reset(generators), []
    for _ in range(100):
        observations = simulation.step(driver.act(observations, generators, np.arange(4))).observations
        rates.append(observations[:, 18])
    assert np.mean(rates[20:]) * sign > 0.5


def test_a_half_cheetah_rolls_over_until_it_lies_and_then_crawls():
    joystick, names = JOYSTICKS["halfcheetah"], cell_names("halfcheetah")
    observations = np.zeros((5, 17))
    observations[:, 1] = [0.0, 0.1, 2.6, 2.9, 2.0]
    lies, runs = names.index("0 m/s on its back"), names.index("3 m/s upright")
    cells = np.array([runs, lies, lies, lies, lies])
    before = ["diverse", "diverse", "diverse-3", "diverse-3", "diverse-2"]
    acting = joystick.acting(cells, observations, before)
    assert acting == ["diverse", "diverse-3", "diverse-3", "diverse-2", "diverse-2"]


def test_a_half_cheetah_that_lies_is_told_nothing_else():
    joystick = JOYSTICKS["halfcheetah"]
    lying = np.array([cell.middle[1] < 0 for cell in joystick.cells])
    shares = []
    for episode in range(32):
        lies = lying[orders(joystick, 0, episode).cells]
        assert (np.diff(lies.astype(int)) >= 0).all()
        shares.append(lies.mean())
    assert 0.3 < np.mean(shares) < 0.7


def test_a_half_cheetah_gets_onto_its_back():
    simulation, generators = Simulation("HalfCheetah-v5", 8, threads=1), [np.random.default_rng(n) for n in range(8)]
    driver = Driver(JOYSTICKS["halfcheetah"], networks("halfcheetah"), ordered("halfcheetah", "0 m/s on its back", 8))
    observations = simulation.reset(generators)
    for _ in range(80):
        observations = simulation.step(driver.act(observations, generators, np.arange(8))).observations
    assert (np.abs(observations[:, 1] - np.pi) < 0.8).mean() >= 0.75


@pytest.mark.parametrize("body", BODIES)
def test_bodies_do_what_they_are_told_as_the_record_says(body):
    recorded = read_json(shipped.record_path(f"{body}-diverse"))
    for level in recorded["networks"]:
        assert shipped.path(body, level).stat().st_size <= 120_000
    found = drivers.play(body, networks(body), 1)
    assert [cell.name for cell in found] == list(recorded["cells"])
    rows = np.array([cell.rows for cell in found])
    followed = np.array([recorded["cells"][cell.name]["followed"] for cell in found])
    assert (followed >= 0.5).all()  # a cell that its body cannot reach is none
    judged = rows > 0
    measured = np.average(np.nan_to_num([cell.followed for cell in found])[judged], weights=rows[judged])
    assert measured > np.average(followed[judged], weights=rows[judged]) - 0.15


def test_following_knows_what_was_followed():
    joystick = JOYSTICKS["halfcheetah"]
    names = cell_names("halfcheetah")
    slow, fast = names.index("0 m/s upright"), names.index("3 m/s upright")
    observations = np.zeros((201, 17))
    observations[101:, 8] = 1.6  # too slow by half when it is told 3
    cells = np.repeat([slow, fast], 100)
    commands = np.repeat([[0.1, 1.0], [3.1, 1.0]], 100, axis=0)
    found = follow(joystick, [Drive(observations, cells, commands, fallen=False)])
    assert (found[slow].rows, found[slow].followed, found[fast].followed) == (100, 1.0, 0.0)
    assert found[fast].asked.tolist() == pytest.approx([3.1, 1.0])
    assert found[fast].done.tolist() == pytest.approx([1.6, 1.0])
    assert np.isnan(found[0].followed)


def test_an_ants_velocity_is_told_as_it_sees_it():
    observations = np.zeros((1, 27))
    observations[0, [1, 4]] = np.sqrt(0.5)  # it faces +y
    observations[0, 13:15] = [-1.0, 2.0]
    np.testing.assert_allclose(done("Ant-v5", observations)[0], [2.0, 1.0, 0.0], atol=1e-12)


def test_a_set_says_what_was_asked_of_each_row_and_observes_nothing_of_it(root, tmp_path, monkeypatch):
    entry = catalog.resolve("hopper-diverse")
    assert (entry.official_id, entry.embedded_id) == (None, "skills/hopper/diverse-v0")
    minari_id = embedded.make(entry, 1000)
    dataset = minari.load_dataset(minari_id)
    assert dataset.observation_space.shape == (11,)
    metadata = json.loads((root / minari_id / "data" / "metadata.json").read_text())
    assert metadata["label_names"] == [cell.name for cell in JOYSTICKS["hopper"].cells]
    assert metadata["command_columns"] == ["speed, m/s", "height, m"]
    for number, episode in enumerate(dataset.iterate_episodes()):
        asked = orders(JOYSTICKS["hopper"], number // 16, number % 16)
        length = len(episode.actions)
        np.testing.assert_array_equal(episode.infos["label"], asked.cells[:length])
        np.testing.assert_array_equal(episode.infos["command"], asked.commands[:length])
    data = sources.load("hopper-diverse", source="local", steps=1000)
    assert data.labels is not None
    assert data.labels.shape == (1000,)
    assert data.observations.shape == (1000, 11)

    small = stored(root, minari_id)
    embedded.make(entry, 1 + int(dataset.total_steps))
    extended = stored(root, minari_id)
    assert_same(small, {name: extended[name] for name in small})
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "at-once"))
    embedded.make(entry, 1 + int(dataset.total_steps))
    assert_same(extended, stored(tmp_path / "at-once", minari_id))


def test_to_the_learner_a_command_is_an_episode_and_the_body_goes_on():
    world = Commanded(LESSONS["walker2d"]["diverse"], TINY)
    generators = [np.random.default_rng(seed) for seed in range(8)]
    observations = world.reset(generators)
    assert observations.shape == (8, world.columns)
    actions = np.zeros((8, 6), np.float32)
    terminated = cut = None
    for _ in range(200):
        step = world.step(actions)
        ended = np.flatnonzero(step.terminated | step.truncated)
        if len(ended):
            fresh = world.reset([generators[row] for row in ended], ended)
            falls = step.terminated[ended]
            if falls.any():
                terminated = (step.observations[ended][falls], fresh[falls])
            if not falls.all():
                cut = (step.observations[ended][~falls], fresh[~falls])
    assert terminated is not None
    assert np.abs(terminated[1][:, :8]).max() <= 1.3  # as an episode begins
    long = Commanded(LESSONS["halfcheetah"]["diverse"], TINY)
    long.reset(generators)
    for _ in range(121):
        step = long.step(np.zeros((8, 6), np.float32))
        ended = np.flatnonzero(step.truncated)
        if len(ended):
            fresh = long.reset([generators[row] for row in ended], ended)
            cut = (step.observations[ended], fresh)
    assert cut is not None
    np.testing.assert_array_equal(cut[0][:, :17], cut[1][:, :17])
    assert (cut[0][:, 17] != cut[1][:, 17]).all()


@pytest.mark.parametrize("body", BODIES)
def test_a_gait_that_can_be_told_does_not_listen_at_first(body):
    lesson = LESSONS[body]["diverse"]
    runner = shipped.load(body, "simple")
    begun = told(runner, lesson)
    world = Commanded(lesson, TINY)
    seen = world.reset([np.random.default_rng(seed) for seed in range(8)])
    assert begun.columns == world.columns
    np.testing.assert_allclose(begun.act(seen), runner.act(seen), atol=1e-6)
    other = seen.copy()
    other[:, runner.columns :] += 1.0
    np.testing.assert_array_equal(begun.act(other), begun.act(seen))


def test_training_begins_with_the_gait_that_it_is_given():
    config = PPOConfig(steps=512, simulations=8, rollout=32, epochs=1, minibatch=128, lr=1e-9)
    lesson = LESSONS["hopper"]["diverse"]
    begun = told(shipped.load("hopper", "simple"), lesson)
    seen = Commanded(lesson, config).reset([np.random.default_rng(seed) for seed in range(8)])
    trained = ppo.train(Commanded(lesson, config), 0, config, lambda snapshot: False, begun)
    np.testing.assert_allclose(trained.act(seen), begun.act(seen), atol=0.05)
    np.testing.assert_allclose(trained.log_std, begun.log_std, atol=1e-3)


def test_a_network_is_trained_stage_by_stage_and_filed_with_its_record(tmp_path, monkeypatch):
    small = PPOConfig(steps=512, simulations=8, rollout=32, epochs=1, minibatch=128)
    stages = (drivers.Stage(256, small, "simple"), drivers.Stage(256, small, cells=("stands", "hops")))
    monkeypatch.setitem(drivers.STAGES, "hopper", {"diverse": stages, "diverse-2": stages[:1]})
    monkeypatch.setattr(drivers, "_ROUNDS", 1)
    seen = []
    record, *files = drivers.train("hopper", None, tmp_path, lambda done, total: seen.append((done, total)))
    assert [file.name for file in files] == ["hopper-diverse.npz", "hopper-diverse-2.npz"]
    assert seen == [(256, 768), (512, 768), (768, 768)]
    recorded = read_json(record)
    assert list(recorded["networks"]) == ["diverse", "diverse-2"]
    assert list(recorded["cells"]) == cell_names("hopper")
    again = drivers.train("hopper", 1, tmp_path / "again")[1]
    assert again.read_bytes() == files[0].read_bytes()
    assert not np.array_equal(*(np.load(file)["weight0"] for file in files))
    with pytest.raises(SkillsError, match="no diverse set of the body 'hoper'"):
        drivers.train("hoper", None, tmp_path)
