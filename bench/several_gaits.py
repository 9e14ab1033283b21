"""Why does imitation lose where the data hold several gaits? What could be the cause, changed one at a time.

    python bench/several_gaits.py [DATASET ...] [--steps 4000] [--rows 100000] [--seeds 3] [--into bench/runs]
        [--only NAME ...] [--settings SETTING=VALUE ...]

Every variant imitates the best episode of the body's expert set, as `skills discover DATASET --mode imitation --expert
BODY-expert` does, but for what its name says. `reach` values states, and learns what its policies begin as, for as many
updates as they then learn for. Prints the normalised score over ten episodes of each seed, with Student's 95 % interval
over seeds; how the rewards rank the expert's rows, and the correlation of their sums over episodes with the true
returns. What is done is kept, and an interrupted benchmark continues.

    python bench/several_gaits.py [DATASET ...] --weights 1000

What the actor's weights are while values are young: of four thousand rows V, the spread of advantages, how many rows'
worth of weight there is (the square of the sum over the sum of squares), and the share of the weight on each third of
the data's episodes, the slowest first.
"""

import argparse
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from timing import clock, record

from skills.data import catalog
from skills.discovery import discover, read_data
from skills.evaluation import variants
from skills.files import read_json, write_json
from skills.learning.batches import Batches, scaling
from skills.learning.engine.stacked import with_ones
from skills.learning.learners import learner_of
from skills.learning.learners.iql import Iql, IqlNetworks
from skills.learning.matrix import Rewards
from skills.learning.policy import Shape
from skills.progress import silent_reporter, unsaid
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create
from skills.runs.reading import read_own
from skills.settings.change import with_settings
from skills.settings.config import Config

DATASETS = ("halfcheetah-medium-expert", "walker2d-medium")


@dataclass(frozen=True)
class Variant:
    """maker, learner: by name.   settings: otherwise than usual.   longer: times the steps."""

    maker: str = "clue"
    learner: str = "iql"
    settings: dict[str, Any] = field(default_factory=dict)
    longer: int = 1


VARIANTS = {
    "iql": Variant(),
    "iql, settled": Variant(settings={"policy.settled": True}),
    "iql, true rewards": Variant("true"),
    "iql, c = 0.1": Variant(settings={"reward.temperature": 0.1}),
    "iql, c = 1": Variant(settings={"reward.temperature": 1.0}),
    "iql, no calibration": Variant(settings={"reward.calibration": 0.0}),
    "iql, three times the steps": Variant(longer=3),
    "iql, settled, three times the steps": Variant(settings={"policy.settled": True}, longer=3),
    "iql, returns of 20 steps": Variant(settings={"policy.td_steps": 20}),
    "reach": Variant(learner="reach"),
    "reach, returns of 20 steps": Variant(learner="reach", settings={"policy.td_steps": 20}),
    "reach, 20 steps, no gate": Variant(learner="reach", settings={"policy.td_steps": 20, "policy.gate": 0.0}),
    "reach, 20 steps, c = 1": Variant(learner="reach", settings={"policy.td_steps": 20, "reward.temperature": 1.0}),
    "reach, 20 steps, true rewards": Variant("true", "reach", {"policy.td_steps": 20}),
}
WEIGHED = ("iql", "iql, settled", "iql, true rewards", "iql, c = 1")  # whose weights are looked at
SAMPLE, THIRDS = 4_000, 3


def config_of(dataset: str, variant: Variant, given: argparse.Namespace) -> Config:
    """A variant's configuration."""
    steps = given.steps * variant.longer
    asked: dict[str, Any] = {"data.steps": given.rows, "policy.steps": steps, "rollout.horizon": given.horizon}
    if variant.learner == "reach":
        asked |= {"policy.value_steps": steps, "policy.common_steps": steps}
    known = make_config(
        dataset,
        mode="imitation",
        expert=f"{catalog.resolve(dataset).body}-expert",
        seeds=given.seeds,
        maker=variant.maker,
        learner=variant.learner,
        set=asked | variant.settings,
    )
    stages = {name: vars(getattr(known, name)) for name in ("data", "experts", "reward", "policy", "rollout")}
    pairs = (setting.split("=", 1) for setting in given.settings)
    return with_settings(known, {name: value for name, value in pairs if _has(stages, name)})


def _has(stages: dict[str, Any], name: str) -> bool:
    stage, _, own = name.partition(".")
    return own in stages[stage]


def folder_of(base: RunFolder, name: str) -> Path:
    """Of a variant."""
    return base.path / "variants" / re.sub(r"[^\w.]+", "-", name)


def learned(base: RunFolder, name: str, config: Config) -> RunFolder:
    """A variant's finished run inside the base's folder, which gives what they share; it notes its minutes."""
    folder = folder_of(base, name)
    run = base if base.config == config else variants.variant(base, folder, config)
    began = clock()
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=unsaid)
    if not (folder / "minutes.json").is_file():
        write_json(folder / "minutes.json", {"minutes": (clock() - began) / 60.0})
    return run


def row(base: RunFolder, name: str, config: Config) -> str:
    """One line of the table."""
    run = learned(base, name, config)
    summary = run.measures["summary"]
    score = summary["score"] if summary["score"]["value"] is not None else summary["return"]
    interval = "" if score["low"] is None else f"({score['low']:.1f}..{score['high']:.1f})"
    auc = summary["reward_auc"]
    line = f"{name:<32}{score['value']:>8.1f} {interval:<18}{'-' if auc is None else f'{auc:.3f}':>7}"
    if learner_of(config).reads_rewards:
        line += of_rewards(run)
    return f"{line}  {read_json(folder_of(base, name) / 'minutes.json')['minutes']:.1f} min"


def of_rewards(run: RunFolder) -> str:
    """What the rewards of the first seed say of the data's episodes and policies."""
    data = read_data(run, "auto", silent_reporter, unsaid)
    own = len(data) - data.demonstrations
    labels = Rewards.open(run.rewards_folder, len(data)).labels[:own, 0].astype(np.float64)
    starts = data.episode_starts[data.episode_starts < own]
    sums = np.add.reduceat(labels, starts)
    return f"{np.corrcoef(sums, true_returns(run))[0, 1]:>8.2f}"


def true_returns(run: RunFolder) -> np.ndarray:
    """[E] of the dataset's episodes, whose rewards imitation does not read."""
    return read_own(run, "auto", silent_reporter, unsaid, rewards=True).returns


def weights(base: RunFolder, name: str, config: Config, updates: int) -> list[str]:
    """Five lines: what a variant's weights are as it learns, of its first seed's rewards alone."""
    run = variants.variant(base, folder_of(base, name), config) if config != base.config else base
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=unsaid, last="rewards")
    data = read_data(run, "auto", silent_reporter, unsaid)
    whole = Rewards.open(run.rewards_folder, len(data))
    rewards = Rewards(whole.labels[:, :1], whole.scale[:1])
    learner = replace(cast(Iql, config.policy), trunk="shared", steps=updates)
    shape = Shape(data.observations.shape[1], data.actions.shape[1], 1, learner.hidden, learner.depth)
    generator, device = torch.Generator().manual_seed(config.seed), torch.device("cpu")
    networks = IqlNetworks(shape, learner, generator, device)
    if learner.settled:
        networks.settle(learner.mean_values(rewards, len(data) - data.demonstrations))
    returns = true_returns(run)
    third = np.repeat(
        np.digitize(returns, np.quantile(returns, [1 / THIRDS, 2 / THIRDS])), data.lengths[: len(returns)]
    )
    rows = np.random.default_rng(config.seed).choice(len(third), min(SAMPLE, len(third)), replace=False)
    mean, std = scaling(data, learner.standardise)
    states = with_ones((torch.from_numpy(data.observations[rows]) - mean) / std)
    pairs = torch.cat([states[:, :-1], with_ones(torch.from_numpy(data.actions[rows]))], dim=1)
    lines = []
    with Batches(data, rewards, learner, mean, std, generator, device) as batches:
        for update in range(1, updates + 1):
            index, _ = batches.take()
            networks.update(batches.buffers[index])
            if update % (updates // 5) == 0:
                with torch.no_grad():
                    value = networks.value(states)[0, :, 0, 0]
                    advantage = networks.target(pairs)[..., 0].amin(dim=0)[:, 0] - value
                weight = torch.exp(learner.inverse_temperature * advantage).clamp(max=learner.weight_limit).numpy()
                shares = [weight[third[rows] == one].sum() / weight.sum() for one in range(THIRDS)]
                worth = weight.sum() ** 2 / np.square(weight).sum() / len(rows)
                lines.append(
                    f"{name:<24}{update:>7}{float(value.mean()):>9.1f}{float(advantage.std()):>8.2f}{worth:>8.2f}   "
                    + " ".join(f"{share:.2f}" for share in shares)
                )
    return lines


def main() -> None:
    """Learns, plays, prints and records, after each variant what is there so far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=DATASETS, metavar="DATASET")
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--horizon", type=int, default=1_000)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "runs" / "several_gaits")
    parser.add_argument("--weights", type=int, metavar="UPDATES", help="the actor's weights instead of scores")
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--settings", nargs="+", default=[], metavar="SETTING=VALUE", help="of all that have it")
    given = parser.parse_intermixed_args()
    lines = [
        f"(python bench/several_gaits.py {' '.join(given.datasets)} --steps {given.steps} --rows {given.rows} "
        f"--seeds {given.seeds} {' '.join(['--settings', *given.settings] if given.settings else [])})"
    ]
    for dataset in given.datasets:
        first = config_of(dataset, VARIANTS["iql"], given)
        base = open_or_create(given.into / dataset, first)
        if given.weights:
            lines.append(f"{dataset}: updates, V, spread of advantages, worth of rows, weight by third")
            for name in WEIGHED:
                lines += weights(base, name, config_of(dataset, VARIANTS[name], given), given.weights)
                record("several_gaits_weights", "\n".join(lines))
            continue
        learned(base, "iql", first)
        lines.append(f"{dataset}: score, AUC of the reward, its correlation with returns, minutes")
        for name in given.only:
            lines.append(row(base, name, config_of(dataset, VARIANTS[name], given)))
            record("several_gaits", "\n".join(lines))


if __name__ == "__main__":
    main()
