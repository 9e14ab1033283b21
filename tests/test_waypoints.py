"""Two levels against their closed forms, and in a square where goals lie that no episode was sent to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from interrupting import first_reports, interrupted_after

from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.learning.classes import one_expert
from skills.learning.draws import draws_of
from skills.learning.engine.stacked import StackedMlp, initial, with_ones
from skills.learning.learners.waypoints import Waypoints
from skills.learning.matrix import Rewards
from skills.learning.places import place_columns, scaling_of_places, ways_of
from skills.learning.policy import Policy
from skills.learning.waypoints import WayLearner, WaySettings, as_one, lower_inputs, units_of_upper
from skills.progress import silent_reporter

CPU = torch.device("cpu")
PACE, SENT_TO = 0.1, 4
SMALL = Waypoints(
    td_steps=5, gain=1.0, hidden=36, value_hidden=32, value_steps=300, value_batch=64, way_steps=1200, way_batch=64,
    steps=800, batch=64,
)  # fmt: skip


def square(episodes: int = 60, steps: int = 30) -> Transitions:
    """Points that go straight from anywhere to one of four corners; two columns beside places, of noise and of time.

    observation: the noise, place, time, goal: places lie in the middle of the others.
    """
    generator = np.random.default_rng(0)
    corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    before, after, actions, starts = [], [], [], []
    for episode in range(episodes):
        place, goal = generator.uniform(-1, 1, 2), corners[episode % SENT_TO]
        starts.append(len(actions))
        for step in range(steps):
            way = goal - place
            action = way / max(np.linalg.norm(way), PACE)
            noise = generator.standard_normal(2)
            before.append([noise[0], *place, step, *goal])
            place = place + PACE * action
            after.append([noise[1], *place, step + 1, *goal])
            actions.append(0.9 * action)
            if np.linalg.norm(goal - place) < 1e-6:
                break
    columns = [np.array(one, np.float32) for one in (before, actions, after)]
    rewards, ends = np.zeros(len(actions), np.float32), np.append(starts[1:], len(actions)) - 1
    rewards[ends] = 1.0
    return Transitions(
        "square", "test/square-v0", "AntMaze_UMaze-v4", True, *columns, rewards, rewards > 0, np.array(starts),
        (("noise", 1), ("achieved_goal", 2), ("time", 1), ("desired_goal", 2)),
    )  # fmt: skip


def train(config: Waypoints, folder: Path, seeds: int = 2, reporter=silent_reporter) -> Policy:
    data = square()
    rewards = Rewards(np.repeat(data.rewards[:, None], seeds, axis=1).astype(np.float16), np.ones(seeds, np.float32))
    experts = one_expert(len(data), np.arange(5), seeds)
    generator = torch.Generator().manual_seed(1)
    config = replace(config, reward_shift=-1.0, trunk="independent")
    return config.train(data, experts, rewards, CPU, generator, folder, reporter)


def test_places_are_found_by_name_and_share_a_scale():
    data = square()
    places = place_columns(data)
    assert (places.here.tolist(), places.goal.tolist(), places.rest.tolist()) == ([1, 2], [4, 5], [0, 3])
    mean, std = scaling_of_places(data, places, 3.0)
    torch.testing.assert_close(mean[[4, 5]], torch.from_numpy(data.scaling[0])[[1, 2]])
    torch.testing.assert_close(std[[1, 2, 4, 5]], torch.from_numpy(data.scaling[1])[[1, 2, 1, 2]] / 3.0)
    torch.testing.assert_close(std[[0, 3]], torch.from_numpy(data.scaling[1])[[0, 3]])


def test_observations_without_a_goal_are_refused():
    with pytest.raises(SkillsError, match="square do not say where the body is") as refused:
        place_columns(replace(square(), observation_parts=()))
    assert "--learner iql" in refused.value.hint


def test_a_policy_too_narrow_for_both_levels_is_refused():
    assert units_of_upper(5, place_columns(square())) == 1
    with pytest.raises(SkillsError, match=r"policy\.hidden=4 leaves no room"):
        units_of_upper(4, place_columns(square()))


@pytest.mark.parametrize("skills", [1, 3])
def test_the_joined_perceptron_is_the_lower_level_told_by_the_upper(skills):
    places, generator = place_columns(square()), torch.Generator().manual_seed(0)
    upper_sizes, lower_sizes = [4, 8, 8, 2], [4, 12, 12, 3]
    upper = StackedMlp.of(initial(skills, upper_sizes, generator), upper_sizes)
    lower = StackedMlp.of(initial(skills, lower_sizes, generator), lower_sizes)
    seen = torch.randn(20, 6, generator=generator)
    way = upper(with_ones(seen[:, [1, 2, 4, 5]])[None])
    told = lower(with_ones(torch.cat([way, seen[:, [0, 3]].expand(skills, -1, -1)], dim=-1)))
    torch.testing.assert_close(as_one(upper, lower, places)(with_ones(seen)[None]), told)


def test_ways_end_with_the_episode_or_at_the_goal_seen_in_hindsight():
    data = square()
    places = place_columns(data)
    mean, std = torch.zeros(6), torch.ones(6)
    ways = ways_of(data, places, mean, std, CPU)
    inputs = lower_inputs(ways, torch.from_numpy(data.observations), places, ahead=5)
    left = data.left
    last = np.arange(len(data)) + np.minimum(left, 5) - 1
    np.testing.assert_array_equal(inputs[:, :2], data.next_observations[last][:, 1:3] - data.observations[:, 1:3])
    np.testing.assert_array_equal(inputs[:, 2:4], data.observations[:, [0, 3]])

    upper = WayLearner(ways, 1, 8, 5, WaySettings(hindsight=1.0, way_batch=500), torch.Generator().manual_seed(0))
    everything = draws_of(np.arange(len(data)), np.array([0, len(data)]), len(data), CPU)
    upper.draw(everything, torch.Generator().manual_seed(1))
    here, goal = upper._states[0, :, :2], upper._states[0, :, 2:4]
    way = upper._targets[0]
    close = (goal - here).norm(dim=1) <= 5 * PACE + 1e-5  # ways are straight: what is nearer is reached
    torch.testing.assert_close((here + way)[close], goal[close])
    torch.testing.assert_close(way[~close].norm(dim=1), torch.full((int((~close).sum()),), 5 * PACE))
    assert 0.2 < close.float().mean() < 0.9


def nearest_to_goals(policy: Policy, skill: int) -> np.ndarray:
    """[20] how near it comes to goals inside the square, half a side or more from the corners."""
    generator = np.random.default_rng(3)
    goals, place = generator.uniform(-0.5, 0.5, (20, 2)), generator.uniform(-1, 1, (20, 2))
    nearest = np.full(20, np.inf)
    for step in range(40):
        seen = np.column_stack([generator.standard_normal(20), place, np.full(20, min(step, 20)), goals])
        place = place + PACE * policy.act(seen.astype(np.float32), np.full(20, skill))
        nearest = np.minimum(nearest, np.linalg.norm(place - goals, axis=1))
    return nearest


def test_it_goes_to_goals_that_nobody_was_sent_to(tmp_path):
    train(SMALL, tmp_path)
    policy = Policy.load(tmp_path)
    assert all((nearest_to_goals(policy, skill) < 0.25).mean() >= 0.9 for skill in range(2))


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (40, ["valuing places for 2 skills: 60", "learning the ways: 20", "learning to get there: 20"]),
        (90, ["learning the ways: 20", "learning to get there: 20"]),
        (160, ["learning to get there: 60"]),
    ],
)
def test_it_goes_on_to_the_same_bytes(tmp_path, steps, left):
    config = replace(SMALL, value_steps=80, way_steps=40, steps=80)

    def run(folder: Path, reporter=silent_reporter) -> list[bytes]:
        train(config, folder, reporter=reporter)
        return [(folder / name).read_bytes() for name in Waypoints.files]

    whole = run(tmp_path / "whole")
    with interrupted_after(steps), pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut")
    begun: list[str] = []
    assert run(tmp_path / "cut", first_reports(begun.append)) == whole
    assert begun == left
