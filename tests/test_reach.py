"""Values without Q against automatic gradients, draws against their weights, and a chain that needs the gate."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import bandit
from interrupting import first_reports, interrupted_after
from torch import nn

from skills.data.transitions import Transitions
from skills.files import read_arrays
from skills.learning.actors import Actors
from skills.learning.classes import Classes, one_expert
from skills.learning.draws import Draws, DrawSettings, Weighing, draws_by, draws_of
from skills.learning.engine.stacked import StackedMlp, with_ones
from skills.learning.engine.workers import Workers
from skills.learning.experience import Experience, experience, n_step_sums
from skills.learning.learners.reach import Reach
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy, Shape
from skills.learning.values import Values, ValueSettings
from skills.progress import silent_reporter

CPU = torch.device("cpu")
SMALL = Reach(
    value_steps=1500, value_hidden=32, value_batch=64, value_rate=3e-3, common_steps=100,
    steps=600, hidden=32, batch=32, learning_rate=3e-3,
)  # fmt: skip


def of_labels(labels: list[int] | np.ndarray) -> Classes:
    """Classes that are nothing but the labels of rows."""
    labels = np.asarray(labels, np.int32)
    plain = np.zeros(1, np.float32)
    return Classes(labels, np.zeros((labels.max() + 1, 1), np.float32), np.arange(1), plain, plain + 1, np.array(5))


def chain(episodes: int = 40, steps: int = 25) -> tuple[Transitions, Classes, Rewards]:
    """Half of the episodes walk up from 0 by one's own actions, half down; class 1 is the upper end, 2 the lower.

    The action tells the way and trembles with the place, which a network has to learn.
    """
    generator = np.random.default_rng(0)
    way = np.where(np.arange(episodes) % 2 == 0, 1.0, -1.0)
    moves = way[:, None] * (0.04 + 0.004 * generator.standard_normal((episodes, steps)))
    after = np.cumsum(moves, axis=1)
    before = after - moves
    actions = 0.6 * np.sign(way)[:, None] + 0.3 * np.sin(12.0 * before)
    column = [array.reshape(-1, 1).astype(np.float32) for array in (before, actions, after)]
    labels = np.where(before > 0.8, 1, np.where(before < -0.8, 2, 0)).ravel()
    transitions = Transitions(
        "chain", "test/chain-v0", "HalfCheetah-v5", True, *column,
        np.zeros(episodes * steps, np.float32), np.zeros(episodes * steps, bool), np.arange(episodes) * steps,
    )  # fmt: skip
    matrix = (labels[:, None] == np.arange(3)).astype(np.float16)
    return transitions, of_labels(labels), Rewards(matrix, np.ones(3, np.float32))


def train(config: Reach, folder: Path, reporter=silent_reporter, data=None) -> Policy:
    transitions, classes, rewards = data or chain()
    return config.train(transitions, classes, rewards, CPU, torch.Generator().manual_seed(1), folder, reporter)


def random_experience(skills: int = 3) -> Experience:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    return Experience(
        with_ones(normal(16, 4)), with_ones(normal(16, 4)), normal(16, 2).clamp(-1, 1), normal(16, skills).half(),
        torch.tensor([1.0, 2.0, 0.5][:skills]), torch.rand(16, 1, generator=generator),
    )  # fmt: skip


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_returns_are_the_discounted_sums_of_the_rows_ahead_in_the_episode(steps):
    labels = np.random.default_rng(0).uniform(size=(12, 20)).astype(np.float16)
    shift = np.linspace(-1.0, 1.0, 20, dtype=np.float32)
    found = n_step_sums(labels, np.array([0, 5, 12]), steps, 0.9, shift)
    for row in range(12):
        stop = min(row + steps, 5 if row < 5 else 12)
        ahead = labels[row:stop].astype(float) + shift
        expected = (0.9 ** np.arange(stop - row)[:, None] * ahead).sum(axis=0)
        np.testing.assert_allclose(found[row], expected, rtol=2e-3, atol=2e-3)


def test_experience_looks_to_the_end_of_the_episode_and_no_further():
    transitions, _, rewards = chain(2, 5)
    terminated = np.arange(10) == 4
    seen = experience(
        replace(transitions, terminated=terminated), rewards, (torch.zeros(1), torch.ones(1)), 3, 0.9, 0.0, CPU
    )
    assert seen.continues.ravel().tolist() == pytest.approx([0.729, 0.729, 0, 0, 0, 0.729, 0.729, 0.729, 0.81, 0.9])
    last = [2, 3, 4, 4, 4, 7, 8, 9, 9, 9]
    np.testing.assert_array_equal(seen.ends[:, 0], transitions.next_observations[last, 0])


@pytest.mark.parametrize("trunk", ["shared", "independent"])
def test_an_update_of_values_is_that_of_automatic_gradients(trunk):
    seen = random_experience()
    config = ValueSettings(value_hidden=8, value_batch=16, value_rate=1e-2, trunk=trunk, value_steps=100)
    values = Values(seen, config, torch.Generator().manual_seed(0), CPU)
    for layer in values.target.mlp.layers:
        layer.mul_(0.9)
    flat = nn.Parameter(values.network.mlp.flat)
    slow = values.target.mlp(seen.ends[None]).permute(1, 0, 2).flatten(1)
    optimizer = torch.optim.Adam([flat], lr=1e-2)
    goal = seen.returns.float() * seen.scale + seen.continues * slow
    draws = torch.randint(16, (16,), generator=torch.Generator().manual_seed(5))
    value = StackedMlp.of(flat, [4, 8, 8, 1 if trunk == "independent" else 3])(seen.states[draws][None])
    difference = goal[draws] - value.permute(1, 0, 2).flatten(1)
    loss = (torch.where(difference > 0, 0.7, 0.3) * difference**2).mean(dim=0)
    loss.sum().backward()
    optimizer.step()
    values.draw(torch.Generator().manual_seed(5))
    values.set_step(0)
    values.update()
    torch.testing.assert_close(values.losses()["value"], loss.detach())
    torch.testing.assert_close(values.network.mlp.flat, flat.detach(), atol=1e-6, rtol=1e-5)


def test_without_a_gate_the_weights_are_those_of_iql():
    generator = torch.Generator().manual_seed(0)
    value, advantage = (torch.randn(500, 2, generator=generator) for _ in range(2))
    weighing = Weighing.fit(value, advantage, DrawSettings(gate=0.0, inverse_temperature=3.0))
    expected = torch.exp(3.0 * advantage / advantage.std(dim=0)).clamp(max=100.0)
    torch.testing.assert_close(weighing.weights(value, advantage), expected)


def test_the_gate_multiplies_them_by_a_power_of_v_over_its_highest():
    value, advantage = torch.tensor([[4.0], [2.0], [0.0], [-1.0]]), torch.zeros(4, 1)
    weighing = Weighing.fit(value, advantage, DrawSettings(gate=3.0))
    assert weighing.weights(value, advantage).ravel().tolist() == pytest.approx([1.0, 0.125, 0.0, 0.0])


def test_where_episodes_end_in_failure_a_share_of_the_rows_is_drawn_without_the_gate():
    transitions, _, rewards = chain()
    seen = experience(transitions, rewards, (torch.zeros(1), torch.ones(1)), 5, 0.95, 0.0, CPU)
    values = Values(seen, SMALL, torch.Generator().manual_seed(0), CPU)
    config = DrawSettings(ungated=0.5)

    def shares(draws: Draws) -> torch.Tensor:
        sums = draws.sums / draws.sums[:, -1:]
        return torch.diff(sums, dim=1, prepend=torch.zeros(len(sums), 1, dtype=torch.float64))

    gated, free = (shares(draws_by(values, one)) for one in (config, replace(config, gate=0.0)))
    torch.testing.assert_close(shares(draws_by(values, config, failing=0.4)), 0.8 * gated + 0.2 * free)


def test_policies_begin_as_the_clone_of_all_rows_and_differ_after_a_step():
    transitions, _, _ = chain()
    states, actions = with_ones(torch.from_numpy(transitions.observations)), torch.from_numpy(transitions.actions)
    generator = torch.Generator().manual_seed(0)
    with Workers(count=1) as workers:
        common, actors = (Actors(states, actions, count, SMALL, generator, workers) for count in (1, 3))
        actors.begin_as(common)
        first = actors.tensors()["0.policy.0"]
        assert (first == common.tensors()["0.policy.0"]).all()
        actors.draw(draws_of(np.arange(3), np.arange(4), len(states), CPU), generator)
        actors.set_step(0)
        actors.update()
    assert not torch.equal(first[0], first[1])


def test_policies_are_the_same_however_many_a_worker_steps_together(monkeypatch: pytest.MonkeyPatch):
    transitions, _, _ = chain()
    states, actions = with_ones(torch.from_numpy(transitions.observations)), torch.from_numpy(transitions.actions)
    draws = draws_of(np.arange(140), np.arange(0, 141, 20), len(states), CPU)
    learned, blocks = [], []
    for count, together in ((1, 7), (1, 4), (1, 1), (2, 7)):
        monkeypatch.setattr("skills.learning.actors._BLOCK_FLOATS", together * 2 * SMALL.batch * SMALL.hidden)
        generator = torch.Generator().manual_seed(0)
        with Workers(count) as workers:
            actors = Actors(states, actions, 7, SMALL, generator, workers)
            for step in range(3):
                actors.draw(draws, generator)
                actors.set_step(step)
                actors.update()
        blocks.append(sum(name.endswith("policy.0") for name in actors.tensors()))
        zeros = (torch.zeros(states.shape[1] - 1), torch.ones(states.shape[1] - 1))
        learned.append(actors.to_policy(zeros, actors.learned(draws, generator)).state_dict())
    assert blocks == [1, 2, 3, 2]
    for other in learned[1:]:
        assert all(torch.equal(tensor, other[name]) for name, tensor in learned[0].items())


def test_values_below_nothing_close_no_gate():
    value, advantage = -torch.rand(100, 1), torch.zeros(100, 1)
    weighing = Weighing.fit(value, advantage, DrawSettings())
    assert (weighing.weights(value, advantage) == 1).all()


def test_rows_are_drawn_as_often_as_they_weigh():
    weights = torch.tensor([[0.0, 1.0, 3.0, 0.0], [5.0, 0.0, 0.0, 5.0]], dtype=torch.float64)
    rows = Draws(weights.cumsum(dim=1)).draw(20_000, torch.Generator().manual_seed(0))
    shares = torch.stack([torch.bincount(own, minlength=4) / 20_000 for own in rows])
    torch.testing.assert_close(shares, (weights / weights.sum(dim=1, keepdim=True)).float(), atol=0.01, rtol=0)


def test_in_a_chain_without_a_gate_a_quarter_of_what_a_skill_learns_is_where_it_never_comes():
    transitions, _, rewards = chain()
    seen = experience(transitions, rewards, (torch.zeros(1), torch.ones(1)), 5, 0.95, 0.0, CPU)
    values = Values(seen, SMALL, torch.Generator().manual_seed(0), CPU)
    generator = torch.Generator().manual_seed(0)
    for step in range(SMALL.value_steps):
        values.draw(generator)
        values.set_step(step)
        values.update()
    elsewhere = {}
    for gate in (0.0, 4.0):
        draws = draws_by(values, DrawSettings(0.5, gate=gate))
        rows = draws.draw(4000, generator)[1]  # of the skill of the upper end
        elsewhere[gate] = float((seen.states[rows, 0] < -0.2).float().mean())
    assert elsewhere[0.0] > 0.2
    assert elsewhere[4.0] < 0.02


def test_skills_go_to_their_ends_of_the_chain(tmp_path):
    policy = train(SMALL, tmp_path)
    start = np.zeros((1, 1), np.float32)
    up, down = (float(policy.act(start, np.array([skill]))[0, 0]) for skill in (1, 2))
    assert up > 0.4
    assert down < -0.4
    assert policy.std_of_actions()[1:].max() < 0.3
    assert set(read_arrays(tmp_path / "curves.npz")) == {"step", "value_step", "value", "policy"}


def test_a_policy_of_own_networks_asks_each_for_its_rows_alone():
    policy = Policy(Shape(3, 2, 5, 8, trunks=5), torch.zeros(3), torch.ones(3), torch.Generator().manual_seed(0))
    seen = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    for skills in (np.arange(40) % 5, np.array([4, 1, 1] * 13 + [4]), np.full(40, 2)):
        every = policy.means(torch.from_numpy(seen))[np.arange(40), skills]
        np.testing.assert_allclose(policy.act(seen, skills), every.detach().numpy(), atol=1e-6)
        np.testing.assert_allclose(policy.act(seen[:1], skills[:1]), every[:1].detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("trunk", ["shared", "independent"])
def test_one_skill_does_what_it_is_paid_for(tmp_path, trunk):
    transitions, rewards = bandit()
    alone = Rewards(np.ascontiguousarray(rewards.labels[:, :1]), rewards.scale[:1])
    policy = train(replace(SMALL, trunk=trunk), tmp_path, data=(transitions, one_expert(4000, np.arange(9)), alone))
    acted = policy.act(transitions.observations[:200], np.zeros(200, int))
    assert acted.mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (40, ["valuing states for 3 skills: 60", "cloning what all skills begin as: 20", "training 3 skills: 20"]),
        (90, ["cloning what all skills begin as: 20", "training 3 skills: 20"]),
        (160, ["training 3 skills: 60"]),
    ],
)
def test_interrupted_learning_ends_in_the_same_bytes(tmp_path, steps, left):
    config = replace(SMALL, value_steps=80, common_steps=40, steps=80)

    def run(folder: Path, reporter=silent_reporter) -> list[bytes]:
        train(config, folder, reporter)
        return [(folder / name).read_bytes() for name in config.files]

    whole = run(tmp_path / "whole")
    with interrupted_after(steps), pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut")
    begun: list[str] = []
    assert run(tmp_path / "cut", first_reports(begun.append)) == whole
    assert begun == left


def test_threads_change_no_byte(tmp_path):
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            train(
                replace(SMALL, value_steps=40, common_steps=40, steps=40, batch=512, hidden=256), tmp_path / str(count)
            )
            found.append((tmp_path / str(count) / "weights.safetensors").read_bytes())
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]
