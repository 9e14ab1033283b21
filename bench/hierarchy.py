"""PPO that chooses skills against PPO that chooses torques, on tasks that no data named, for equal time.

    python bench/hierarchy.py OUT --cheetah RUN --ant RUN [--minutes 20] [--seeds 3] [--workers 2]

`speed`: a half-cheetah holds a commanded speed, another one every 5 s (a run of halfcheetah-medium). `waypoints`: an
ant reaches points in the plane, one after the other (a run of ant-diverse). Both learners are Stable-Baselines3's PPO
with its defaults, the same reward and what is observed of the task behind the environment's own columns; one acts with
torques at every step, the other with skills that last SKILL_STEPS of them.

Minutes are of the processor (one thread a learner), so that other work on the machine changes nothing; playing what has
been learned to judge it is not counted, nor is making the run. Needs the `bench` extra. Writes OUT/hierarchy.json after
every learner, what is in it is not done again, and the figure OUT/hierarchy.webp; prints the table.
"""

import argparse
import json
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

import skills
from skills.files import read_json, write_json
from skills.measures.intervals import student

SKILL_STEPS = 10  # half a second
EPISODE_STEPS = 500  # 25 s
LOOKS = 10  # at what has been learned, in equal times
EPISODES = 5  # that are played at each look
LAST_EPISODES = 20  # and at the end
ARMS = {"skills": "PPO over skills", "torques": "PPO over torques"}


class Speed:
    """Hold a speed: the reward of a step is 1 at the commanded one, 1/e a metre a second beside it.

    The speed is the mean of half a second, for a gait swings about its own.
    """

    env_id, unit = "HalfCheetah-v5", "reward a step (1 at the commanded speed)"
    _lowest, _highest = 1.0, 6.0  # m/s
    _every = 100  # steps: 5 s
    _mean_of = 10  # steps

    def begin(self, generator: np.random.Generator) -> None:
        """A new episode."""
        self._generator = generator
        self._steps, self._total = 0, 0.0
        self._seen: deque[float] = deque(maxlen=self._mean_of)
        self._command = generator.uniform(self._lowest, self._highest)

    def reward(self, info: dict[str, Any]) -> float:
        """Of a step of the environment below."""
        self._seen.append(float(info["x_velocity"]))
        earned = float(np.exp(-abs(np.mean(self._seen) - self._command)))
        self._total += earned
        self._steps += 1
        if self._steps % self._every == 0:
            self._command = self._generator.uniform(self._lowest, self._highest)
        return earned

    @property
    def told(self) -> list[float]:
        """What is observed of the task: the command, and by how much the speed is off."""
        return [self._command, self._command - float(np.mean(self._seen or [0.0]))]

    @property
    def score(self) -> float:
        """Of an episode so far."""
        return self._total / EPISODE_STEPS


class Waypoints:
    """Reach points: the reward of a step is the metres that it comes nearer, and 5 for a point that is reached."""

    env_id, unit = "Ant-v5", "points reached in 25 s"
    _nearest, _farthest = 2.0, 5.0  # m from the last one
    _reached, _prize = 0.75, 5.0  # m

    def begin(self, generator: np.random.Generator) -> None:
        """A new episode."""
        self._generator = generator
        self._place = np.zeros(2)
        self._found = 0
        self._next()

    def _next(self) -> None:
        angle = self._generator.uniform(-np.pi, np.pi)
        distance = self._generator.uniform(self._nearest, self._farthest)
        self._point = self._place + distance * np.array([np.cos(angle), np.sin(angle)])

    def reward(self, info: dict[str, Any]) -> float:
        """Of a step of the environment below."""
        before = float(np.linalg.norm(self._point - self._place))
        self._place = np.array([info["x_position"], info["y_position"]])
        left = float(np.linalg.norm(self._point - self._place))
        if left > self._reached:
            return before - left
        self._found += 1
        self._next()
        return before - left + self._prize

    @property
    def told(self) -> list[float]:
        """What is observed of the task: where the point lies, m in the world."""
        return (self._point - self._place).tolist()  # type: ignore[no-any-return]  # tolist has no type

    @property
    def score(self) -> float:
        """Of an episode so far."""
        return float(self._found)


TASKS: dict[str, type[Speed] | type[Waypoints]] = {"speed": Speed, "waypoints": Waypoints}


class ByTorques(gymnasium.Wrapper[Any, Any, Any, Any]):
    """The environment with the task's reward."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: Speed | Waypoints) -> None:
        super().__init__(env)
        self._task = task

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = self.env.step(action)
        return observation, self._task.reward(info), terminated, truncated, info


class Told(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose observations end with what is to be known of the task."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: Speed | Waypoints) -> None:
        super().__init__(env)
        self.task = task
        task.begin(np.random.default_rng(0))
        size = int(np.prod(env.observation_space.shape or ())) + len(task.told)
        self.observation_space = Box(-np.inf, np.inf, (size,), np.float32)
        self._generator = np.random.default_rng(0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        if seed is not None:
            self._generator = np.random.default_rng(seed)
        self.task.begin(self._generator)
        observation, info = self.env.reset(seed=seed, options=options)
        return self._with_task(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._with_task(observation), reward, terminated, truncated, info

    def _with_task(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        return np.concatenate([observation, self.task.told]).astype(np.float32)


def make(task: str, arm: str, run: str) -> Told:
    """The environment of a task as one of the two learners sees it."""
    aim = TASKS[task]()
    env = gymnasium.make(aim.env_id, max_episode_steps=EPISODE_STEPS)
    if arm == "torques":
        return Told(ByTorques(env, aim), aim)
    return Told(skills.SkillEnv(env, skills.load(run), SKILL_STEPS, lambda step: aim.reward(step.info)), aim)


@dataclass(frozen=True)
class Learned:
    """One learner.

    minutes, scores: of each look.   last: the mean score of the last episodes.   decisions: that it took.
    """

    task: str
    arm: str
    seed: int
    minutes: tuple[float, ...]
    scores: tuple[float, ...]
    last: float
    decisions: int


class _Looks(BaseCallback):
    """Ends the training after some seconds of the processor; looks at what was learned in between, off the clock."""

    def __init__(self, env: Told, seconds: float) -> None:
        super().__init__()
        self._env, self._seconds = env, seconds
        self._spent, self._since = 0.0, time.process_time()
        self.minutes: list[float] = [0.0]
        self.scores: list[float] = []

    def _on_training_start(self) -> None:
        self.scores.append(played(self.model, self._env, EPISODES, 0))
        self._since = time.process_time()

    def _on_step(self) -> bool:
        now = self._spent + time.process_time() - self._since
        if now >= len(self.minutes) * self._seconds / LOOKS:
            self.minutes.append(now / 60)
            self.scores.append(played(self.model, self._env, EPISODES, len(self.scores)))
            self._spent, self._since = now, time.process_time()
        return now < self._seconds


def played(model: Any, env: Told, episodes: int, look: int) -> float:
    """The mean score of what has been learned, without its noise; the same episodes for both learners."""
    scores = []
    for episode in range(episodes):
        observation, _ = env.reset(seed=1_000_000 + 1000 * look + episode)
        over = False
        while not over:
            action, _ = model.predict(observation, deterministic=True)
            observation, _, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
        scores.append(env.task.score)
    return float(np.mean(scores))


def learn(task: str, arm: str, run: str, seed: int, seconds: float) -> Learned:
    """Trains one learner, in a process of its own."""
    torch.set_num_threads(1)
    judged = make(task, arm, run)
    looks = _Looks(judged, seconds)
    # A decision of skills is worth ten of torques: it looks as far ahead in seconds, and learns as often in them.
    options = {"gamma": 0.9, "n_steps": 256} if arm == "skills" else {}
    model = PPO("MlpPolicy", make(task, arm, run), seed=seed, device="cpu", **options)  # type: ignore[arg-type]  # options are of several types
    model.learn(10**9, callback=looks)
    last = played(model, judged, LAST_EPISODES, LOOKS + 1)
    return Learned(task, arm, seed, tuple(looks.minutes), tuple(looks.scores), last, model.num_timesteps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cheetah", metavar="RUN", help="of halfcheetah-medium")
    parser.add_argument("--ant", metavar="RUN", help="of ant-diverse")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    runs = {task: run for task, run in (("speed", asked.cheetah), ("waypoints", asked.ant)) if run}
    if not runs:
        parser.error("name a run: --cheetah, --ant, or both")
    path = asked.out / "hierarchy.json"
    done = [Learned(**one) for one in read_json(path)["learned"]] if path.is_file() else []
    known = {(one.task, one.arm, one.seed) for one in done}
    with ProcessPoolExecutor(asked.workers, get_context("spawn")) as workers:
        waiting = [
            workers.submit(learn, task, arm, run, seed, 60 * asked.minutes)
            for seed in range(asked.seeds)
            for task, run in runs.items()
            for arm in ARMS
            if (task, arm, seed) not in known
        ]
        for future in as_completed(waiting):
            done.append(future.result())
            write_json(path, {"minutes": asked.minutes, "learned": [asdict(one) for one in done]})
            print(json.dumps({**asdict(done[-1]), "minutes": "", "scores": ""}), flush=True)
    print(table(done, asked.minutes))
    draw(done, asked.out / "hierarchy.webp")


def table(done: list[Learned], minutes: float) -> str:
    """A row a task: what each has learned in the end, with a 95 % interval over the seeds."""
    lines = [f"| after {minutes:g} min of one core | {' | '.join(ARMS.values())} |", "|---|---|---|"]
    for task, about in TASKS.items():
        cells = []
        for arm in ARMS:
            last = [one.last for one in done if (one.task, one.arm) == (task, arm)]
            found = student(last, lowest=0.0) if last else None
            cells.append("-" if found is None else f"{found.value:.2f}" + _range(found.low, found.high))
        if cells != ["-", "-"]:
            lines.append(f"| {task}: {about.unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"


def draw(done: list[Learned], path: Path) -> None:
    """A plot a task: the score over the minutes, the mean of the seeds and each of them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    tasks = [task for task in TASKS if any(one.task == task for one in done)]
    figure, axes = pyplot.subplots(1, len(tasks), figsize=(5 * len(tasks), 3.4), squeeze=False, layout="constrained")
    for axis, task in zip(axes[0], tasks, strict=True):
        for arm, colour in zip(ARMS, ("#2f4aa0", "#e4674a"), strict=True):
            its = [one for one in done if (one.task, one.arm) == (task, arm)]
            for one in its:
                axis.plot(one.minutes, one.scores, color=colour, alpha=0.3, linewidth=1)
            shortest = min((len(one.scores) for one in its), default=0)
            if shortest:
                mean = np.mean([one.scores[:shortest] for one in its], axis=0)
                axis.plot(its[0].minutes[:shortest], mean, color=colour, linewidth=2.4, label=ARMS[arm])
        axis.set(title=task, xlabel="minutes of one core", ylabel=TASKS[task].unit)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
