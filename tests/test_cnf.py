"""The flow against closed forms, CNF's actor on a case that it must solve, and its policy wherever policies go."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import bandit

from skills.learning.classes import one_expert
from skills.learning.flow import LIMIT, Flow, FlowShape
from skills.learning.learners.cnf import Cnf, Fitted, actor_loss, weights_of
from skills.learning.policy import Policy, Shape
from skills.playing.rollout import play
from skills.progress import silent_reporter
from skills.runs.configure import make_config
from skills.runs.export import export, export_all
from skills.runs.folder import open_or_create
from skills.settings.config import RolloutConfig

CPU = torch.device("cpu")
CONFIG = Cnf(
    hidden=32, batch=128, steps=200, learning_rate=5e-3, depth=2, softness=0.1,
    flow_steps=200, flow_batch=128, flow_rate=5e-3, flow_blocks=3, flow_hidden=16,
)  # fmt: skip


def stirred(actions: int, seed: int = 0, blocks: int = 4) -> Flow:
    """A flow in double precision none of whose parts is the identity."""
    generator = torch.Generator().manual_seed(seed)
    flow = Flow(FlowShape(3, actions, blocks, 16), generator).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    flow.freeze()
    return flow


@pytest.mark.parametrize("actions", [1, 2, 3, 6])
def test_there_and_back(actions):
    flow, generator = stirred(actions), torch.Generator().manual_seed(1)
    states = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    taken = torch.rand(50, actions, generator=generator, dtype=torch.float64) * 1.9 - 0.95
    latents = flow.encode(taken, states)
    inside = latents.abs().amax(dim=1) < LIMIT  # what a flow has pushed further is cut
    assert inside.double().mean() > 0.8
    torch.testing.assert_close(flow.decode(latents, states)[inside], taken[inside], atol=1e-6, rtol=0)
    assert (torch.tanh(latents) - taken).abs().max() > 0.1


@pytest.mark.parametrize("actions", [1, 3])
def test_the_likelihood_counts_how_the_flow_stretches(actions):
    """log p(a|s) = log |det dz/da| - A log 2: p is the flow of uniform latents."""
    flow, generator = stirred(actions), torch.Generator().manual_seed(1)
    states = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    taken = torch.rand(5, actions, generator=generator, dtype=torch.float64) * 1.6 - 0.8
    found = flow.log_likelihood(taken, states)
    for place in range(5):
        jacobian = torch.autograd.functional.jacobian(
            lambda one, at=place: torch.tanh(flow.encode(one[None], states[at : at + 1]))[0], taken[place]
        )
        expected = torch.linalg.slogdet(jacobian)[1] - actions * math.log(2.0)
        assert float(found[place].detach()) == pytest.approx(float(expected.detach()), abs=1e-8)


def test_the_density_of_two_actions_adds_up_to_one():
    flow, reach = stirred(2), 10.0
    raw = ((torch.arange(300, dtype=torch.float64) + 0.5) / 150 - 1) * reach  # so that the edges count as they must
    grid = torch.tanh(torch.cartesian_prod(raw, raw))
    with torch.no_grad():
        density = flow.log_likelihood(grid, torch.zeros(len(grid), 3, dtype=torch.float64)).exp()
    mass = density * (1 - grid.square()).prod(dim=1)
    assert float(mass.mean()) * (2 * reach) ** 2 == pytest.approx(1.0, abs=0.01)
    assert float(density.max() / density.min()) > 2


def test_a_flow_that_changes_nothing_finds_every_action_as_likely():
    flow = Flow(FlowShape(3, 6, 4, 16), torch.Generator().manual_seed(0))
    with torch.no_grad():
        for block in flow.blocks:
            block.permutation.copy_(torch.eye(6))
            block.signs.fill_(1.0)
            for one in (block.lower, block.upper, block.log_diagonal):
                one.zero_()
    actions = torch.rand(20, 6, generator=torch.Generator().manual_seed(0)) * 1.98 - 0.99
    surprise = -flow.log_likelihood(actions, torch.zeros(20, 3))
    torch.testing.assert_close(surprise, torch.full((20,), 6 * math.log(2.0)), atol=1e-4, rtol=0)  # 4.1589


def test_the_first_batch_is_scaled():
    generator = torch.Generator().manual_seed(0)
    flow = Flow(FlowShape(3, 2, 1, 16), generator)
    actions = torch.tanh(torch.randn(500, 2, generator=generator) * torch.tensor([0.02, 0.4]) + 0.5)
    flow.begin(actions, torch.zeros(500, 3))
    flow.freeze()
    raw = flow.encode(actions, torch.zeros(500, 3)) @ flow.blocks[0].inverse
    torch.testing.assert_close(raw.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(raw.std(dim=0), torch.ones(2), atol=1e-3, rtol=0)


def test_uniform_latents_become_actions_as_the_data_have_them():
    """The second action follows the first and the state; the fitted flow's do as well."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2000, 3, generator=generator)
    first = 0.5 * torch.tanh(states[:, :1]) + 0.1 * torch.randn(2000, 1, generator=generator)
    pairs = torch.cat([states, first, 0.3 - 0.6 * first, torch.ones(2000, 1)], dim=1)
    pairs[:, 4] += 0.05 * torch.randn(2000, generator=generator)
    fitted = Fitted(FlowShape(3, 2, 3, 16), CONFIG, generator, CPU)
    fitted.draw(pairs, generator)
    fitted.begin()
    for _ in range(250):
        fitted.draw(pairs, generator)
        fitted.update()
    fitted.flow.freeze()
    with torch.no_grad():
        drawn = fitted.flow.decode(torch.atanh(torch.rand(2000, 2, generator=generator) * 2 - 1), states)
    actions = pairs[:, 3:5]
    torch.testing.assert_close(drawn.mean(dim=0), actions.mean(dim=0), atol=0.04, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(actions.T), atol=0.02, rtol=0)
    off = drawn[:, 0] - 0.5 * torch.tanh(states[:, 0])
    assert float(off.std()) == pytest.approx(0.1, abs=0.03), "the state says where"


def test_constant_advantages_leave_cloning():
    chosen, taken = torch.rand(2, 3, 5, 2, generator=torch.Generator().manual_seed(0)).unbind()
    weights = weights_of(torch.zeros(3, 5), CONFIG.softness)
    torch.testing.assert_close(actor_loss(chosen, taken[0], weights), (chosen - taken[0]).abs().mean(dim=(1, 2)))
    assert weights_of(torch.tensor([-0.1, 0.2, 9.0]), 0.1).tolist() == pytest.approx([math.exp(-1), math.e**2, 100.0])


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """(folder, transitions): what CNF learned from rewards that are highest at actions beyond those of the data."""
    transitions, rewards = bandit()
    kept = np.abs(transitions.actions[:, 0]) < 0.4
    narrow = replace(
        transitions,
        **{name: getattr(transitions, name)[kept] for name in (
            "observations", "actions", "next_observations", "rewards", "terminated"
        )},
        episode_starts=np.arange(kept.sum()),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("cnf")
    paid = replace(rewards, labels=rewards.labels[kept])
    experts = one_expert(len(narrow), np.arange(1))
    CONFIG.train(narrow, experts, paid, CPU, torch.Generator().manual_seed(0), folder, silent_reporter)
    return folder, narrow


def test_each_skill_does_what_it_is_paid_for(learned):
    folder, transitions = learned
    policy = Policy.load(folder)
    seen = transitions.observations[:200]
    high, low = (policy.act(seen, np.full(200, skill))[:, 0] for skill in range(2))
    assert high.mean() == pytest.approx(0.3, abs=0.1)
    assert low.mean() == pytest.approx(-0.3, abs=0.1)


def test_whatever_latents_say_actions_are_as_in_the_data(learned):
    """Nobody acted beyond +-0.4; hardly any latent of all leads there."""
    folder, transitions = learned
    policy = Policy.load(folder)
    seen = policy.standardise(torch.from_numpy(transitions.observations))
    latents = torch.atanh(torch.rand(len(seen), 1, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    with torch.no_grad():
        actions = policy.outward(latents, seen)[:, 0]
    assert float((actions.abs() > 0.5).float().mean()) < 0.1
    assert float((actions > 0.15).float().mean()) > 0.2
    assert float((actions < -0.15).float().mean()) > 0.2


def test_one_skill_alone_keeps_the_flow(learned):
    policy = Policy.load(learned[0])
    rows = learned[1].observations[:50]
    alone = policy.alone(1)
    np.testing.assert_allclose(alone.act(rows, np.zeros(50, int)), policy.act(rows, np.ones(50, int)), atol=1e-6)


def test_a_policy_without_a_flow_is_saved_as_before(tmp_path):
    policy = Policy(Shape(3, 2, 2, 8), torch.zeros(3), torch.ones(3), torch.Generator().manual_seed(0))
    policy.save(tmp_path)
    assert "flow" not in json.loads((tmp_path / "config.json").read_text())
    assert Policy.load(tmp_path).flow is None


@pytest.fixture
def run(tmp_path):
    """A run of two seeds of which nothing is there but a policy with a flow that is not the identity."""
    seeds = {"mode": "imitation", "expert": "hopper-random", "seeds": 2}
    config = make_config("hopper-random", preset="smoke", maker="true", learner="cnf", **seeds)
    folder = open_or_create(tmp_path / "run", config)
    generator = torch.Generator().manual_seed(0)
    flow = Flow(FlowShape(11, 3, 4, 16), generator)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    flow.freeze()
    policy = Policy(Shape(11, 3, 2, 16, 3, trunks=2), torch.zeros(11), torch.ones(11), generator, flow)
    known = {"name": "none", "minari_id": "none/none-v0", "env_id": "Hopper-v5", "made_here": True}
    folder.record_dataset({**known, "steps": 0, "episodes": 0, "digest": "none"})
    with folder.stage("policy", [folder.policy_folder / name for name in Policy.FILES]):
        policy.save(folder.policy_folder)
    return folder


def test_a_run_with_a_flow_is_played(run):
    policy = Policy.load(run.policy_folder)
    config = RolloutConfig(rollouts=1, horizon=20)
    played, _ = play(policy, "Hopper-v5", one_expert(1, np.arange(1), copies=2), config, 0, silent_reporter)
    assert played.lengths.shape == (2, 1)
    assert (played.qpos[0, 0, 5] != played.qpos[1, 0, 5]).any()


def test_its_files_act_as_it_does(run):
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is installed with the extra `test`")
    policy = Policy.load(run.policy_folder)
    rows = np.random.default_rng(0).standard_normal((7, 11)).astype(np.float32)
    (alone,) = onnxruntime.InferenceSession(export(run, 1).path).run(None, {"observation": rows})
    np.testing.assert_allclose(alone, policy.act(rows, np.ones(7, int)), atol=1e-5)
    skills = np.arange(7) % 2
    session = onnxruntime.InferenceSession(export_all(run).path)
    (actions,) = session.run(None, {"observation": rows, "skill": skills})
    np.testing.assert_allclose(actions, policy.act(rows, skills), atol=1e-5)
    with torch.no_grad():
        without = torch.tanh(policy.network(policy.standardise(torch.from_numpy(rows))))[:, 3:].numpy()
    assert np.abs(without - alone).max() > 0.01, "the flow is in the file"
