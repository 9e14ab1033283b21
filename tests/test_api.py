"""`import skills`, as a person uses it: one real run, made once, and everything that can be done with it."""

import inspect
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium
import minari
import numpy as np
import pytest
from conftest import TINY_SETTINGS
from gymnasium.utils.env_checker import check_env

import skills
from skills.bodies.actions import ActionRange
from skills.bodies.fast import Simulation
from skills.data.minari import load as read_dataset
from skills.errors import NOT_FOUND, USAGE
from skills.learning.policy import Policy

K, COLUMNS, USED, ACTIONS = 8, 105, 27, 8


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(autouse=True)
def _shared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(home / "minari"))
    monkeypatch.setenv("SKILLS_RUNS", str(home / "runs"))


@pytest.fixture(scope="module")
def made(home: Path) -> tuple[skills.Run, list[tuple[str, int, int]]]:
    """A run, and what was said while it was made."""
    said: list[tuple[str, int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(home / "minari"))
        run = skills.discover(
            "ant-medium",
            preset="smoke",
            seed=3,
            set=TINY_SETTINGS,
            run=home / "runs" / "ant",
            progress=lambda *now: said.append(now),
        )
    return run, said


@pytest.fixture
def run(made) -> skills.Run:
    return made[0]


@pytest.fixture
def observations() -> np.ndarray:
    """[4, 105] of an ant that has just been put down."""
    return Simulation("Ant-v5", 4).reset([np.random.default_rng(seed) for seed in range(4)])


@pytest.fixture
def env(run):
    made = gymnasium.make("Ant-v5")
    yield made
    made.close()


def test_importing_is_cheap_and_offers_what_it_says():
    program = """
import sys, time
start = time.process_time()  # of this process alone: the machine may be busy
import skills
seconds = time.process_time() - start
heavy = {"torch", "numpy", "gymnasium", "minari", "sklearn", "mujoco", "typer"} & set(sys.modules)
assert not heavy, heavy
assert set(skills.__all__) <= set(dir(skills))
assert [one for one in skills.__all__ if not hasattr(skills, one)] == []
assert skills.__version__[0].isdigit()
try:
    skills.nonsense
except AttributeError as error:
    assert "nonsense" in str(error)
else:
    raise AssertionError
print(seconds)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.2
    assert (Path(skills.__file__).parent / "py.typed").is_file()


def test_discovering_tells_and_again_continues(made, run):
    _, said = made
    tasks = {task for task, _, _ in said}
    assert {"training 8 CVAEs", "training 8 skills"} <= tasks
    assert ("training 8 skills", 60, 60) in said
    assert run.config.policy.steps == 60
    assert run.config.seed == 3
    weights = run.path / "policy" / "weights.safetensors"
    before = weights.stat().st_mtime_ns
    again = skills.discover("ant-medium", preset="smoke", seed=3, set=TINY_SETTINGS, run=run.path, progress=False)
    assert weights.stat().st_mtime_ns == before
    assert again.skills == run.skills
    with pytest.raises(skills.SkillsError, match="seed: 3 there, 4 here"):
        skills.discover("ant-medium", preset="smoke", seed=4, set=TINY_SETTINGS, run=run.path, progress=False)


def test_what_is_not_said_means_what_it_means_on_the_command_line():
    from skills.cli.discover import discover as command

    ours, theirs = (inspect.signature(one).parameters for one in (skills.discover, command))
    alike = [name for name in ours if name in theirs and name not in ("dataset", "episodes")]
    assert {"learner", "skills", "preset", "seed", "device", "env"} <= set(alike)
    assert {name: ours[name].default for name in alike} == {name: theirs[name].default for name in alike}


def test_what_cannot_be_is_refused_before_anything_is_made(home):
    with pytest.raises(skills.SkillsError, match=r"policy\.stepps"):
        skills.discover("ant-medium", set={"policy.stepps": 3}, run=home / "none")
    with pytest.raises(skills.SkillsError) as caught:
        skills.discover("ant-medum", run=home / "none", progress=False)
    assert caught.value.exit_code == NOT_FOUND
    assert "ant-medium" in caught.value.hint
    assert not (home / "none").exists()


def test_progress_is_told_on_stderr(run, capsys):
    skills.discover("ant-medium", preset="smoke", seed=3, set=TINY_SETTINGS, run=run.path)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == ""  # nothing was left to do
    (run.path / "measures.json").unlink()
    skills.discover("ant-medium", preset="smoke", seed=3, set=TINY_SETTINGS, run=run.path)
    out, err = capsys.readouterr()
    assert out == ""
    assert "ranking rewards ..." in err


def test_loading(run):
    for named in (run.path, str(run.path), "ant", None):
        assert skills.load(named).path == run.path
    with pytest.raises(skills.SkillsError, match="Unknown run 'amt'") as caught:
        skills.load("amt")
    assert "ant" in caught.value.hint


def test_the_table_of_skills(run):
    assert [one.number for one in run.skills] == list(range(K)) == list(range(len(run)))
    one = run.skills[5]
    assert one.label
    assert one.measures.displacement == pytest.approx(abs(one.measures.speed) * 60 * 0.05, rel=0.5)
    assert 0 <= one.measures.occupancy <= 1
    with pytest.raises(AttributeError):
        one.label = "mine"
    members = [skill for behaviour in run.behaviours for skill in behaviour.skills]
    assert sorted(members) == list(range(K))
    assert all(one.representative in one.skills for one in run.behaviours)
    assert run.summary["return_best"] == max(one.measures.episode_return for one in run.skills)
    assert run.env_id == "Ant-v5"
    assert "8 skills of ant-medium" in repr(run)


def test_acting(run, observations):
    policy = Policy.load(run.path / "policy")
    numbers = np.array([0, 7, 3, 3])
    expected = policy.act(observations, numbers)
    together = run.policy.act(observations, skill=numbers)
    np.testing.assert_array_equal(together, expected)
    assert together.dtype == np.float32
    for row, number in enumerate(numbers):
        alone = run.policy.act(observations[row], skill=int(number))
        assert alone.shape == (ACTIONS,)
        np.testing.assert_allclose(alone, expected[row], atol=1e-6)
    np.testing.assert_array_equal(run.policy.act(observations[:, :USED], 7), run.policy.act(observations, 7))
    assert run.policy.act(observations[0].tolist(), np.int64(2)).shape == (ACTIONS,)
    parts = {"b": observations[:, 10:], "a": observations[:, :10]}
    np.testing.assert_array_equal(run.policy.act(parts, 7), run.policy.act(observations, 7))


def test_acting_with_noise(run, observations):
    first, second = (run.policy.act(observations, 2, noise=np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    mean = run.policy.act(observations, 2)
    assert np.abs(first - mean).max() > 0.05
    assert np.abs(first).max() <= 1.0


@pytest.mark.parametrize(
    ("columns", "skill", "named"),
    [
        (COLUMNS, 8, "no skill 8"),
        (COLUMNS, -1, "no skill -1"),
        (COLUMNS, np.array([0, 1, 99, 2]), "no skill 99"),
        (COLUMNS, 1.5, "1.5 is no skill"),
        (COLUMNS, "17", "'17' is no skill"),
        (COLUMNS, np.array([0, 1]), "do not fit 4 observations"),
        (17, 0, r"have 27 or 105 columns, not the shape \[4, 17\]"),
    ],
)
def test_what_cannot_be_performed_is_named(run, observations, columns, skill, named):
    with pytest.raises(skills.SkillsError, match=named) as caught:
        run.policy.act(observations[:, :columns], skill)
    assert caught.value.exit_code == USAGE
    assert "0 to 7" in caught.value.hint or "skill" not in named


def test_actions_are_in_the_bounds_that_the_environment_has(run, observations):
    low, high = np.linspace(-3, 0, ACTIONS, dtype=np.float32), np.linspace(1, 5, ACTIONS, dtype=np.float32)
    elsewhere = run.policy.within(ActionRange(low, high)).act(observations, 4)
    np.testing.assert_allclose(elsewhere, low + (run.policy.act(observations, 4) + 1) / 2 * (high - low), atol=1e-6)
    back = ActionRange(low, high).inward(elsewhere)
    np.testing.assert_allclose(back, run.policy.act(observations, 4), atol=1e-6)
    with pytest.raises(skills.SkillsError, match=r"cannot act in a lift: its actions are Discrete\(3\)"):
        ActionRange.of_space(gymnasium.spaces.Discrete(3), "a lift")


def test_rewards_are_those_that_the_policy_learned_from(run):
    labelled = run.dataset(skill=5)
    assert labelled.total_steps == 3000
    kept = np.concatenate([episode.rewards for episode in labelled])
    data = read_dataset(labelled.id, "ant", steps=None, columns="all")
    found = run.reward(data.observations, data.actions, skill=5)
    assert found.shape == (3000,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, kept, rtol=2e-3, atol=1e-3 * kept.max())  # labels are kept in half precision
    others = np.concatenate([episode.rewards for episode in run.dataset(skill=6)])
    assert np.abs(others - kept).max() > 0.1 * kept.max()
    for wrong in (8, -1, 1.5):
        with pytest.raises(skills.SkillsError, match=f"no skill {wrong} "):
            run.reward(data.observations, data.actions, skill=wrong)
    with pytest.raises(skills.SkillsError, match="3000 observations and 2 actions"):
        run.reward(data.observations, data.actions[:2], skill=5)


def test_a_dataset_is_written_once(run):
    first = run.dataset(skill=5)
    written = Path(first.storage.data_path) / "main_data.hdf5"
    before = written.stat().st_mtime_ns
    assert run.dataset(skill=5).id == first.id == minari.load_dataset(first.id).id
    assert written.stat().st_mtime_ns == before
    with pytest.raises(skills.SkillsError, match="no skill 8"):
        run.dataset(skill=8)


def test_steps_of_an_episode_are_told_apart(run):
    data = read_dataset(run.dataset(skill=5).id, "ant", steps=None, columns="all")
    labels = np.load(run.path / "experts.npz")["labels"]
    start, end = data.bounds[1:3]
    rows = slice(start, end)
    found = run.classify(data.observations[rows], data.actions[rows], data.next_observations[rows])
    assert found.shape == (end - start,)
    assert (found == labels[rows]).mean() > 0.95  # few iterations leave some rows with the centre they had before
    with pytest.raises(skills.SkillsError, match="Observations of Ant-v5 have 27 or 105"):
        run.classify(data.observations[rows, :5], data.actions[rows], data.next_observations[rows])


def test_exporting(run, observations, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is installed with the extra `test`")
    path = run.export(3, tmp_path / "three.onnx")
    (actions,) = onnxruntime.InferenceSession(path).run(None, {"observation": observations.astype(np.float32)})
    np.testing.assert_allclose(actions, run.policy.act(observations, 3), atol=1e-5)


def test_skills_are_the_actions_of_an_environment(run, env):
    made = skills.SkillEnv(env, run, steps=3)
    assert made.action_space == gymnasium.spaces.Discrete(K)
    assert made.observation_space == env.observation_space
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_env(made, skip_render_check=True)
    assert all("infinity" in str(one.message) for one in told), told  # Ant's own observations have no bounds


def test_an_action_is_a_skill_for_some_steps(run, env):
    made = skills.SkillEnv(env, run, steps=5)
    observation, _ = made.reset(seed=7)
    after, reward, terminated, truncated, info = made.step(2)
    total = 0.0
    expected, _ = env.reset(seed=7)
    np.testing.assert_array_equal(observation, expected)
    for _ in range(5):
        expected, one, *_ = env.step(run.policy.act(expected, 2))
        total += one
    np.testing.assert_array_equal(after, expected)
    assert reward == pytest.approx(total)
    assert (terminated, truncated) == (False, False)
    assert (info["steps"], info["elapsed"]) == (5, 5)
    assert "frames" not in info
    with pytest.raises(skills.SkillsError, match="no skill 8"):
        made.step(8)


def test_time_limits_and_falls_end_it_early_and_are_told_apart(run):
    short = gymnasium.make("Ant-v5", max_episode_steps=7)
    made = skills.SkillEnv(short, run, steps=5)
    made.reset(seed=0)
    made.step(0)
    _, _, terminated, truncated, info = made.step(0)
    assert (terminated, truncated, info["steps"], info["elapsed"]) == (False, True, 2, 7)

    fragile = gymnasium.make("Ant-v5", healthy_z_range=(2.0, 3.0))
    made = skills.SkillEnv(fragile, run, steps=5)
    made.reset(seed=0)
    _, _, terminated, truncated, info = made.step(0)
    assert (terminated, truncated, info["steps"]) == (True, False, 1)


def test_a_task_of_ones_own(run, env):
    seen = []

    def leftwards(step: skills.EnvStep) -> float:
        seen.append(step)
        return step.velocity[1]

    made = skills.SkillEnv(env, run, steps=4, reward=leftwards)
    made.reset(seed=1)
    _, reward, _, _, info = made.step(6)
    assert len(seen) == info["steps"] == 4
    assert reward == pytest.approx(sum(step.velocity[1] for step in seen))
    last, data = seen[-1], env.unwrapped.data
    np.testing.assert_allclose(last.velocity, data.qvel[:3])
    assert last.height == pytest.approx(data.qpos[2])
    assert -1 <= last.upright <= 1
    assert last.info["x_position"] == info["x_position"]
    np.testing.assert_array_equal(seen[0].next_observation, seen[1].observation)
    assert np.isfinite(last.yaw_rate)


def test_environments_that_do_not_fit_are_refused(run, env):
    with pytest.raises(skills.SkillsError, match="27 or 105 columns observed, 8 of action; this environment has 11"):
        skills.SkillEnv(gymnasium.make("Hopper-v5"), run)
    with pytest.raises(skills.SkillsError, match="0 steps"):
        skills.SkillEnv(env, run, steps=0)


def test_stable_baselines_takes_it(run):
    checker = pytest.importorskip("stable_baselines3.common.env_checker", reason="installed with the extra `test`")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it advises for observations without bounds
        checker.check_env(skills.SkillEnv(gymnasium.make("Ant-v5"), run, steps=2))


def test_frames_are_pictures_of_every_step(run):
    class Pictures(gymnasium.Wrapper):
        """In the place of MuJoCo's renderer, which needs OpenGL."""

        render_mode = "rgb_array"

        def render(self):
            return np.full((4, 4, 3), self.unwrapped.data.time * 100, np.uint8)

    made = skills.SkillEnv(Pictures(gymnasium.make("Ant-v5")), run, steps=3)
    made.reset(seed=0)
    *_, info = made.step(1)
    assert [frame[0, 0, 0] for frame in info["frames"]] == [5, 10, 15]
    assert made.metadata["render_fps"] == round(20 / 3)


def test_many_at_once(run):
    many = gymnasium.make_vec("skills.api:skills/SkillEnv-v0", num_envs=3, run=str(run.path), steps=2)
    observations, _ = many.reset(seed=0)
    assert observations.shape == (3, COLUMNS)
    assert many.action_space == gymnasium.spaces.MultiDiscrete([K] * 3)
    observations, rewards, *_, infos = many.step(np.array([0, 3, 7]))
    assert rewards.shape == (3,)
    assert infos["steps"].tolist() == [2, 2, 2]
    many.close()
