"""The GPU path against the CPU path. One command runs them all: python -m pytest -m cuda

Skipped where there is no CUDA device. Tolerances: a GPU adds in another order, and so do captured graphs' kernels; over
fifty steps the same draws give losses within 1e-3 of the CPU's, relative.
"""

import numpy as np
import pytest
import torch
from interrupting import interrupted_after

from skills.learning import parts
from skills.learning.batches import Batch
from skills.learning.classes import cluster, one_expert
from skills.learning.cvae.model import CvaeShape, StackedCvae, losses
from skills.learning.engine.device import captured, generator_on
from skills.learning.engine.optimiser import adam, descend
from skills.learning.engine.stacked import with_ones
from skills.learning.learners import iql
from skills.learning.learners.cnf import Cnf
from skills.learning.learners.demodice import Demodice
from skills.learning.learners.iql import Iql
from skills.learning.learners.iqlearn import Iqlearn
from skills.learning.learners.reach import Reach
from skills.learning.learners.smodice import Smodice
from skills.learning.learners.smore import Smore
from skills.learning.learners.valuedice import Valuedice
from skills.learning.matrix import Rewards
from skills.learning.policy import Shape
from skills.learning.rewards.clue import Clue
from skills.measures.overview import reward_aucs
from skills.progress import silent_reporter
from skills.settings.config import ExpertsConfig

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
CPU, GPU = torch.device("cpu"), torch.device("cuda")
SMALL = {"hidden": 32, "batch": 32, "steps": 100}
UNPAID = [Iqlearn(**SMALL), Valuedice(**SMALL), Demodice(**SMALL), Smodice(**SMALL, classifier_steps=100)]
EXPERTS = one_expert(1, np.arange(1))  # which IQL does not look at


def test_cvae_step_is_that_of_the_cpu():
    shape, config = CvaeShape(5, 2, 16), Clue(hidden=16, batch=8, learning_rate=1e-2)
    totals = {}
    for device in (CPU, GPU):
        generator = torch.Generator().manual_seed(0)
        cvae = StackedCvae.create(3, shape, generator).to(device).to_learn()
        optimizer = adam(cvae.layers, config.learning_rate)
        for _ in range(50):
            rows = with_ones(torch.randn(3, 16, 7, generator=generator).clamp(-1, 1)).to(device)
            noise = torch.randn(3, 16, 4, generator=generator).to(device)
            total = losses(cvae, rows, noise, config)["total"]
            totals[device.type] = total.detach().cpu()
            descend(optimizer, total.sum())
    torch.testing.assert_close(totals["cuda"], totals["cpu"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("trunk", ["shared", "independent"])
def test_captured_iql_is_eager_iql_on_the_cpu(trunk):
    """A captured graph's updates, its changing learning rate included, against plain calls on the CPU."""
    config = Iql(hidden=32, batch=16, steps=50, learning_rate=3e-3, trunk=trunk)
    shape = Shape(4, 2, 3, config.hidden, trunks=3 if trunk == "independent" else 1)
    means = {}
    for device in (CPU, GPU):
        learner = iql.IqlNetworks(shape, config, torch.Generator().manual_seed(0), device)
        batch = Batch.create(4, 2, 3, config.batch, device)
        state = list(learner.tensors().values())
        update = captured(lambda one=learner, rows=batch: one.update(rows), state, device)
        draws = torch.Generator().manual_seed(1)
        for step in range(config.steps):
            batch.pairs[:, :-1] = torch.randn(16, 6, generator=draws).clamp(-1, 1).to(device)
            batch.states[:, :-1] = batch.pairs[:, :4]
            batch.next_states[:, :-1] = torch.randn(16, 4, generator=draws).to(device)
            batch.rewards.copy_(torch.rand(16, 3, generator=draws))
            learner.set_step(step)
            update()
        means[device.type] = learner.to_policy(torch.zeros(4), torch.ones(4)).means(torch.eye(4)).detach()
    torch.testing.assert_close(means["cuda"], means["cpu"], rtol=1e-2, atol=1e-3)


def test_rewards_and_policy_of_real_data(cheetah, tmp_path):
    """The whole learning core on the device: rewards that rank the classes, the same twice, a policy that acts."""
    classes = cluster(cheetah, 6, ExpertsConfig(), seed=1)
    config = Clue(hidden=64, batch=64, iterations=400, learning_rate=2e-3)
    labels = []
    for name in ("first", "second"):
        folder = tmp_path / name
        config.make(cheetah, classes, GPU, torch.Generator().manual_seed(0), folder, silent_reporter)
        rewards = Rewards.open(folder, len(cheetah))
        labels.append(np.array(rewards.labels, np.float32))
    assert reward_aucs(classes, rewards, silent_reporter).min() > 0.95
    np.testing.assert_allclose(labels[0], labels[1], atol=1e-2)
    for small in (Iql(hidden=64, batch=64, steps=200), Reach(value_steps=200, hidden=64, batch=64, steps=200)):
        policy = small.train(
            cheetah,
            one_expert(len(cheetah), np.arange(9)),
            rewards,
            GPU,
            torch.Generator().manual_seed(1),
            tmp_path / small.name,
            silent_reporter,
        )
        assert np.isfinite(policy.act(cheetah.observations[:6], np.arange(6))).all()


@pytest.mark.parametrize("config", UNPAID, ids=[one.name for one in UNPAID])
def test_captured_steps_without_rewards_are_eager_ones(cheetah, tmp_path, config, monkeypatch):
    experts, acted = one_expert(len(cheetah), np.arange(200), 2), []
    for eager in (False, True):
        if eager:
            monkeypatch.setattr(parts, "captured", lambda step, state, device: step)
        generator = torch.Generator().manual_seed(0)
        policy = config.train(cheetah, experts, None, GPU, generator, tmp_path / str(eager), silent_reporter)
        acted.append(policy.act(cheetah.observations[:40], np.arange(40) % 2))
    np.testing.assert_allclose(*acted, atol=1e-3)


@pytest.mark.parametrize(
    "config",
    [
        Iql(hidden=32, batch=32, steps=100),
        Reach(value_steps=100, hidden=32, steps=100),
        Smore(hidden=32, batch=32, steps=100),
        Smore(hidden=32, batch=32, steps=100, goal="reach", trunk="independent"),
        Cnf(hidden=32, batch=32, steps=60, flow_steps=60, flow_batch=64, flow_blocks=2, flow_hidden=16),
        *UNPAID,
    ],
)
def test_interrupted_training_goes_on(cheetah, tmp_path, config):
    rewards = Rewards(np.full((len(cheetah), 2), 0.5, np.float16), np.ones(2, np.float32))

    def run(folder):
        policy = config.train(
            cheetah,
            one_expert(len(cheetah), np.arange(9), copies=2),
            rewards,
            GPU,
            torch.Generator().manual_seed(0),
            folder,
            silent_reporter,
        )
        return policy.act(cheetah.observations[:4], np.array([0, 1, 0, 1]))

    whole = run(tmp_path / "whole")
    with interrupted_after(40), pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut")
    np.testing.assert_allclose(run(tmp_path / "cut"), whole, atol=1e-3)


def test_a_generator_of_the_device_follows_the_seed():
    drawn = []
    for _ in range(2):
        generator = generator_on(GPU, torch.Generator().manual_seed(3))
        drawn.append(torch.randn(8, generator=generator, device=GPU).cpu())
    assert torch.equal(*drawn)
