"""A run's data, rewarded for one skill: the same steps, the run's own rewards, and another library learns from them."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import minari
import numpy as np
import pytest
import torch
from commands import skills

from skills.api.run import Run
from skills.data import minari as reader
from skills.discovery import _Stages
from skills.errors import USAGE, SkillsError
from skills.evaluation import plots
from skills.learning.classes import Classes
from skills.learning.matrix import Rewards
from skills.learning.rewards.clue import Clue
from skills.measures.truth import agreement
from skills.progress import silent_reporter
from skills.runs import relabel as relabelling
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create
from skills.settings.config import DataConfig

DATASET, SKILL, NAME = "hopper-medium-replay", 3, "skills/hopper-3-v0"
STEPS = 3000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("relabel")


@pytest.fixture(autouse=True)
def _shared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(home / "minari"))
    monkeypatch.setenv("SKILLS_RUNS", str(home / "runs"))


@pytest.fixture
def run(home: Path) -> RunFolder:
    """A run that has got as far as its rewards; made by the first test that asks."""
    config = dataclasses.replace(
        make_config(DATASET, preset="smoke"),
        data=DataConfig(steps=STEPS),
        reward=Clue(hidden=32, batch=32, iterations=150, learning_rate=1e-3),
    )
    made = open_or_create(home / "runs" / DATASET, config)
    if "rewards" not in made.finished_stages():
        stages = _Stages(made, "auto", silent_reporter, lambda line: None)
        stages.experts()
        stages.rewards()
    return made


@pytest.fixture
def labelled(run: RunFolder, home: Path) -> minari.MinariDataset:
    if not (home / "minari" / NAME).exists():
        relabelling.relabel(run, SKILL, NAME)
    return minari.load_dataset(NAME)


def test_only_the_rewards_are_others(run: RunFolder, labelled: minari.MinariDataset) -> None:
    source = minari.load_dataset("skills/hopper/medium-replay-v0")
    assert labelled.total_steps == STEPS
    assert labelled.env_spec == source.env_spec
    rewards = Rewards.open(run.rewards_folder, STEPS)
    row = 0
    for mine, theirs in zip(labelled, source, strict=False):
        length = len(mine.rewards)
        np.testing.assert_array_equal(mine.observations, theirs.observations[: length + 1])
        np.testing.assert_array_equal(mine.actions, theirs.actions[:length])
        np.testing.assert_array_equal(mine.terminations, theirs.terminations[:length])
        np.testing.assert_array_equal(mine.infos["environment_reward"], theirs.rewards[:length])
        np.testing.assert_array_equal(mine.infos["qpos"], theirs.infos["qpos"][: length + 1])
        values = rewards.labels[row : row + length, SKILL].astype(np.float32) * rewards.scale[SKILL]
        np.testing.assert_array_equal(mine.rewards, values)
        row += length
    assert row == STEPS


def test_its_origin_is_told(run: RunFolder, labelled: minari.MinariDataset) -> None:
    metadata = labelled.storage.metadata
    assert (metadata["labelled_from"], metadata["skill"]) == ("skills/hopper/medium-replay-v0", SKILL)
    assert metadata["source_digest"] == run.manifest["dataset"]["digest"]
    assert not reader.load(NAME, NAME, steps=None, columns="motion").made_here


def test_the_command_refuses_what_is_not_there_or_taken(
    home: Path, run: RunFolder, labelled: minari.MinariDataset
) -> None:
    with pytest.raises(SkillsError, match="There is no skill 8"):
        relabelling.relabel(run, 8, "skills/other-v0")
    same = skills(home, "label", DATASET, "--skill", 3, "--out", NAME)
    assert (same.returncode, same.stdout) == (0, f"{NAME}\n")  # it is there, as it was asked for
    done = skills(home, "label", DATASET, "--skill", 4, "--out", NAME)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it is left as it is" in done.stderr


@pytest.mark.parametrize("array", ["infos/qvel", "infos/qpos", "truncations"])
def test_what_is_copied_and_nothing_is_learned_from_is_what_it_was(
    home: Path, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array: str
) -> None:
    """One row of one episode is another, in its last digits."""
    shutil.copytree(home / "minari" / "skills", tmp_path / "minari" / "skills")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    with h5py.File(tmp_path / "minari" / "skills/hopper/medium-replay-v0/data/main_data.hdf5", "a") as file:
        column = file["episode_1"][array]
        column[1] = ~column[1] if array == "truncations" else column[1] * (1 + 1e-12)
    with pytest.raises(SkillsError, match="holds beside the rows that are learned from"):
        relabelling.relabel(run, SKILL, "skills/other-v0")
    assert not (tmp_path / "minari" / "skills" / "other-v0").exists()


def test_a_run_whose_learner_reads_no_rewards_says_so_whoever_asks(tmp_path: Path) -> None:
    cloned = open_or_create(tmp_path / "cloned", make_config("hopper-random", preset="smoke", learner="bc"))
    asking: list[Callable[[], object]] = [
        lambda: relabelling.relabel(cloned, 0, "mine/labelled-v0"),
        lambda: Run(cloned).dataset(0),
        lambda: plots.make(cloned, silent_reporter),
    ]
    for ask in asking:
        with pytest.raises(SkillsError, match="has no rewards: bc learns from none") as refused:
            ask()
        assert refused.value.exit_code == USAGE


def test_agreement_is_that_of_a_mixture_with_its_policies(home: Path, run: RunFolder) -> None:
    done = skills(home, "show", DATASET, "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)["agreement"]
    labels = reader.load("skills/hopper/medium-replay-v0", DATASET, steps=STEPS, columns="motion").labels
    assert shown == vars(agreement(Classes.load(run.experts_file).labels, labels))
    policies = np.repeat(np.arange(3), 500)
    perfect, chance = agreement(policies, policies), agreement(np.arange(1500) % 8, policies)
    assert (perfect.ari, perfect.homogeneity) == (1.0, pytest.approx(1.0))
    assert abs(chance.ari) < 0.01
    assert agreement(np.arange(1500) // 50, policies).homogeneity == pytest.approx(1.0)


def test_torchrl_learns_from_it(labelled: minari.MinariDataset) -> None:
    """TorchRL's implicit Q-learning, by nobody here, values the states of the skill above the others."""
    torchrl = pytest.importorskip("torchrl", reason="TorchRL is installed with the extra `test`")
    from tensordict import TensorDict
    from tensordict.nn import NormalParamExtractor, TensorDictModule
    from torch import nn
    from torchrl.modules import ProbabilisticActor, TanhNormal, ValueOperator
    from torchrl.objectives import IQLLoss, SoftUpdate

    assert torchrl.__version__
    torch.manual_seed(0)
    data = reader.load(NAME, NAME, steps=None, columns="motion")
    mean, std = data.scaling
    states = [torch.from_numpy((array - mean) / std) for array in (data.observations, data.next_observations)]
    ended = torch.from_numpy(data.terminated)[:, None]
    following = {
        "observation": states[1],
        "reward": torch.from_numpy(data.rewards)[:, None] / float(data.rewards.std()),
        "terminated": ended,
        "done": ended,
    }
    rows = TensorDict(
        {"observation": states[0], "action": torch.from_numpy(data.actions), "next": following}, batch_size=[len(data)]
    )

    def network(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))

    class Critic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network(14, 1)

        def forward(self, observation: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
            return self.network(torch.cat([observation, action], dim=-1))

    head = TensorDictModule(
        nn.Sequential(network(11, 6), NormalParamExtractor()), in_keys=["observation"], out_keys=["loc", "scale"]
    )
    actor = ProbabilisticActor(
        head, in_keys=["loc", "scale"], spec=None, distribution_class=TanhNormal, return_log_prob=False
    )
    value = ValueOperator(network(11, 1), in_keys=["observation"])
    loss = IQLLoss(actor, ValueOperator(Critic(), in_keys=["observation", "action"]), value_network=value)
    loss.make_value_estimator(gamma=0.9)
    target = SoftUpdate(loss, tau=0.05)
    optimiser = torch.optim.Adam(loss.parameters(), lr=1e-3)
    for _ in range(300):
        losses = loss(rows[torch.randint(len(rows), (128,))])
        total = losses["loss_actor"] + losses["loss_qvalue"] + losses["loss_value"]
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        target.step()
    assert torch.isfinite(total)
    with torch.no_grad():
        values = value(rows.select("observation"))["state_value"][:, 0].numpy()
    skilled = data.rewards > np.quantile(data.rewards, 0.95)
    assert values[skilled].mean() > values[~skilled].mean() + values.std()
