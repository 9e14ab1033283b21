"""Learned against true rewards, and latents, of tiny real runs: what is trained, what is measured, the same bytes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import shrunk
from scipy.stats import spearmanr
from typer.testing import CliRunner

from skills.cli import drawing
from skills.cli.app import app
from skills.data import minari
from skills.discovery import discover
from skills.errors import INTERRUPTED, SkillsError
from skills.evaluation import plots
from skills.learning.classes import Classes
from skills.learning.matrix import Rewards
from skills.learning.rewards import clue
from skills.measures import intervals
from skills.progress import silent_reporter
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create
from skills.runs.reading import read
from skills.settings.config import DataConfig

ROWS = 3000
REWARD = {"hidden": 16, "batch": 16, "iterations": 60, "learning_rate": 3e-3}


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, patched: pytest.MonkeyPatch) -> Path:
    """A folder of data and runs; whatever reads data in this file finds it there."""
    root = tmp_path_factory.mktemp("plot")
    patched.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
    patched.setattr(intervals, "DRAWS", 50)
    return root


@pytest.fixture(autouse=True)
def _its_folders(root: Path, monkeypatch: pytest.MonkeyPatch, _own_folders: None) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
    monkeypatch.setenv("SKILLS_RUNS", str(root / "runs"))


def rewarded(path: Path, learner: str = "iql", **options) -> RunFolder:
    """A tiny run of a hopper, up to its rewards."""
    config = make_config("hopper-medium-replay", preset="smoke", learner=learner, **options)
    tiny = replace(config, data=DataConfig(steps=ROWS), reward=shrunk(config.reward, **REWARD))
    run = open_or_create(path, tiny)
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=print, last="rewards")
    return run


@pytest.fixture(scope="module")
def imitation(root: Path) -> RunFolder:
    """Two seeds of one demonstration."""
    return rewarded(root / "runs" / "imitation", mode="imitation", expert="hopper-random", trajectories=2, seeds=2)


def command(*arguments) -> str:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False).stdout


def test_a_run_that_imitates_is_held_against_rewards_that_it_never_read(imitation):
    shown = command("plot", imitation.path, "-q")
    files = [Path(line) for line in shown.splitlines()[-2:]]
    first = [file.read_bytes() for file in files]
    assert [file.name for file in files] == ["plot-rewards.svg", "plot-latents.svg"]
    assert all(content.startswith(b"<?xml") for content in first)
    document = json.loads(command("plot", imitation.path, "-q", "--json"))
    assert [file.read_bytes() for file in files] == first
    data = minari.load("skills/hopper/medium-replay-v0", "hopper-medium-replay", steps=ROWS, columns="motion")
    labels = Rewards.open(imitation.rewards_folder, imitation.rows).labels[:ROWS, 0].astype(float)
    sums = np.add.reduceat(labels, data.episode_starts)
    own, bare = document["cases"]["calibrated"], document["cases"]["uncalibrated"]
    np.testing.assert_allclose(own["episodes"], np.stack([data.returns, sums], axis=1), atol=1e-3)
    assert own["sums_spearman"]["value"] == pytest.approx(spearmanr(sums, data.returns).statistic)
    assert own["steps_pearson"]["value"] == pytest.approx(np.corrcoef(labels, data.rewards)[0, 1])
    assert own["steps_pearson"]["low"] < own["steps_pearson"]["value"] < own["steps_pearson"]["high"]
    assert not any(own["of_expert"])  # its episodes are another dataset's
    assert (own["calibration"], bare["calibration"]) == (0.1, 0.0)
    assert bare["latents"]["expert"]["sigma"] > own["latents"]["expert"]["sigma"]
    lengths = [len(episode["true"]) for episode in own["along"]]
    assert [len(episode["learned"]) for episode in own["along"]] == lengths
    assert [episode["return"] for episode in own["along"]] == pytest.approx(
        np.quantile(data.returns, [0, 0.5, 1], method="nearest"), abs=1e-3
    )


def test_discovery_is_held_against_the_best_twentieth(root):
    run = rewarded(root / "runs" / "skills", skills=4)
    document = json.loads(command("plot", run.path, "-q", "--json"))
    case = document["cases"]["calibrated"]
    returns, of_expert = np.array(case["episodes"])[:, 0], np.array(case["of_expert"])
    assert returns[of_expert].min() >= returns[~of_expert].max()
    assert of_expert.sum() == len(returns) - (len(returns) * 19 + 19) // 20
    bands = Classes.load(run.path / "evaluation" / "returns-calibrated" / "experts.npz")
    assert bands.count == min(20, len(returns))


def test_latents_are_those_that_the_reward_is_made_of(imitation):
    transitions, config = read(imitation, "auto", silent_reporter, print).transitions, imitation.config.reward
    models = clue.Models(imitation.rewards_folder, transitions, config)
    rows = np.array([0, 7, len(transitions) - 1])
    for head in range(2):
        found = models.latents(rows, transitions, head)
        distance = np.square(found.mean - found.centre).sum(axis=1) + np.square(found.std).sum(axis=1)
        labels = Rewards.open(imitation.rewards_folder, len(transitions)).labels[rows, head]
        np.testing.assert_allclose(np.exp(-config.temperature * distance), labels, rtol=2e-3)


def test_rewards_of_another_maker_have_no_latents(root):
    run = rewarded(root / "runs" / "true", mode="imitation", expert="hopper-random", maker="true")
    document = json.loads(command("plot", run.path, "-q", "--json"))
    assert list(document["plots"]) == ["rewards"]
    assert document["cases"]["true"]["steps_pearson"]["value"] == pytest.approx(1, abs=1e-3)
    assert document["cases"]["true"]["sums_spearman"]["value"] == pytest.approx(1, abs=1e-2)


def test_a_run_without_rewards_is_refused(root):
    run = rewarded(root / "runs" / "bc", mode="imitation", expert="hopper-random", learner="bc")
    with pytest.raises(SkillsError, match="bc learns from none"):
        command("plot", run.path, "-q")


def test_an_interrupted_plot_names_the_command_that_continues_it(imitation, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(plots, "make", stop)
    with pytest.raises(SkillsError, match="Interrupted") as caught:
        command("plot", imitation.path, "-q")
    assert caught.value.hint == f"Continue with: skills plot {imitation.path}"
    assert caught.value.exit_code == INTERRUPTED


def test_a_number_that_does_not_exist_has_no_interval():
    ones, generator = np.ones(5), np.random.default_rng(0)
    assert plots._rank_correlation(ones, np.arange(5.0)).value is None
    assert plots._correlation_of_steps(ones, np.arange(5.0), np.array([0, 2])).value is None
    assert intervals.resampled(np.mean, (ones[:1],), generator) == intervals.Interval(None, None, None)
    around = intervals.resampled(np.mean, (np.arange(5.0),), generator)
    assert around.low < around.value == 2 < around.high


def test_the_two_colours_differ_without_colour():
    def lightness(colour: str) -> float:
        """CIE L*, 0 to 100."""
        channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        return 116 * float(np.dot(linear, [0.2126, 0.7152, 0.0722])) ** (1 / 3) - 16

    assert lightness(drawing.LIGHT) - lightness(drawing.DARK) > 20
