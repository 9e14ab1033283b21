"""The presets: what every setting is for a dataset, a mode and a patience.

A configuration is layers of settings, each over those before it: the preset, the mode, the domain, what some bodies and
reward makers need. A layer is {stage: {setting: value}}.

`smoke`: seconds, for tests and a first try of the machine; it claims nothing. `quick`: minutes on two CPU cores: fewer,
larger steps than the paper's. `paper`: the paper's own numbers, Table 8 and a million IQL steps.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from skills.data import catalog
from skills.data.catalog import Domain
from skills.data.minari_root import env_id
from skills.errors import USAGE, SkillsError
from skills.settings.config import (
    DEFAULT_PRESET,
    Config,
    DataConfig,
    Device,
    ExpertsConfig,
    Learner,
    Maker,
    Mode,
    PolicyConfig,
    Preset,
    RewardConfig,
    RolloutConfig,
    Trunk,
    check_at_least,
)

Layer = Mapping[str, Mapping[str, Any]]

_SKILLS: dict[Preset, int] = {"smoke": 8, "quick": 100, "paper": 100}
_PRESETS: dict[Preset, Layer] = {
    "smoke": {
        "data": {"steps": 12_000},
        "experts": {"max_iterations": 20},
        "reward": {"hidden": 32, "batch": 32, "iterations": 150, "learning_rate": 1e-3},
        "policy": {"hidden": 64, "batch": 64, "steps": 300, "learning_rate": 1e-3},
        "rollout": {"rollouts": 2, "horizon": 100},
    },
    "quick": {
        "data": {"steps": 200_000},
        "reward": {"iterations": 700, "learning_rate": 1e-3},
        "policy": {"steps": 30_000, "learning_rate": 1e-3},
    },
    "paper": {"reward": {"distance": "sample"}},
}

# With one expert (imitation, sparse) a few models are trained rather than a hundred: quick can afford more of each.
_ONE_EXPERT: dict[Preset, Layer] = {
    "smoke": {"experts": {"max_iterations": 300}, "rollout": {"rollouts": 2, "horizon": 1000}},
    "quick": {
        "reward": {"iterations": 3_000, "learning_rate": 5e-4},
        "policy": {"steps": 20_000, "learning_rate": 1e-3},
        "rollout": {"rollouts": 10},
    },
    "paper": {"rollout": {"rollouts": 10}},
}
_SUCCESSES: dict[Domain, int] = {"locomotion": 3, "antmaze": 5, "adroit": 3}  # of sparse mode (Table 8)
# c of one expert in locomotion. An expert is far from all of the data (d^2 is about Z there, 1 on its own rows): with
# c = 1 the reward is 0 but for rare moments that pass for the expert's, which the policy then chases until it falls
# (score on walker2d-medium 13, with this 100). So close to 0 it is about 1 - c d^2, graded over all of the data.
_SOFT: Layer = {"reward": {"temperature": 0.01}}

# What the other domains set otherwise than locomotion: CLUE's Table 8, and the official IQL settings.
_DOMAINS: dict[Domain, Layer] = {
    "locomotion": {},
    "antmaze": {
        "reward": {"calibration": 0.8, "temperature": 10.0, "standardise": False},
        "policy": {"expectile": 0.9, "inverse_temperature": 10.0, "reward_shift": -1.0, "standardise": False},
    },
    "adroit": {"policy": {"inverse_temperature": 0.5, "dropout": 0.1}},
}
# The sizes of Table 8, which `paper` takes; how wide the models are, `quick` with one expert takes too.
_WIDTHS: dict[Domain, Layer] = {
    "locomotion": {},
    "antmaze": {"reward": {"hidden": 512, "batch": 256}},
    "adroit": {},
}
_LENGTHS: dict[Domain, Layer] = {
    "locomotion": {},
    "antmaze": {"reward": {"iterations": 100_000, "learning_rate": 1e-3}},
    "adroit": {"reward": {"iterations": 100_000}},
}

# With one expert a maze's policy is played from the task's start to its goal, and often: success is yes or no.
_MAZE: Layer = {"rollout": {"task": "evaluation"}}
_MAZE_OFTEN: Layer = {"rollout": {"rollouts": 100}}
# With one expert `quick` learns a maze in fewer updates than values need to spread and settle, so: returns of 20 steps,
# observations standardised, weights that trust advantages less, and CLUE's rewards as the sparse ones are, not scaled.
_QUICK_MAZE: Layer = {"policy": {"td_steps": 20, "inverse_temperature": 1.0, "standardise": True}}
_UNSCALED: Layer = {"reward": {"scaled": False}}

# In skill discovery `quick` sees further on Walker2d, whose steps are short (0.008 s; 0.05 on Ant and HalfCheetah). A
# class of single steps is a small part of a stride (71 steps), and values that spread one step an update reach nowhere.
# So: classes of means over two strides, returns of six steps, the discount a second that 0.99 is there, softer rewards.
# Hopper's steps are as short, but this has not been measured on it.
_QUICK_WALKER: Layer = {
    "experts": {"window": 142},
    "reward": {"temperature": 0.1},
    "policy": {"td_steps": 6, "discount": 0.9984},
}


def make_config(
    dataset: str,
    *,
    preset: str = DEFAULT_PRESET,
    skills: int | None = None,
    seed: int = 1,
    device: Device = "cpu",
    trunk: Trunk = "shared",
    domain: Domain | None = None,
    mode: Mode = "skills",
    seeds: int = 1,
    expert: str | None = None,
    trajectories: int | None = None,
    episodes: tuple[int, ...] | None = None,
    maker: Maker = "clue",
    learner: Learner = "iql",
    calibration: float | None = None,
) -> Config:
    """The preset's configuration for a dataset. The default seed, 1, is the paper's `random_state` for K-means.

    domain: what the dataset's body does; None: what the catalogue or the dataset's metadata say.
    seeds, expert, trajectories, episodes: in imitation and sparse mode, see `Config` and `ExpertsConfig`.
    calibration: lambda, 0 for none.
    Raises: SkillsError (usage) for an unknown preset, a value out of range, or one that the mode has no use for.
    """
    if preset not in _PRESETS:
        raise SkillsError(f"Unknown preset {preset!r}.", f"Known: {', '.join(_PRESETS)}.", USAGE)
    _check_mode(mode, skills, seeds, expert, trajectories, episodes)
    _check_makers(mode, maker, learner)
    environment = _environment(dataset)
    domain = domain or catalog.domain_of(environment)
    asked: dict[str, dict[str, Any]] = {
        "reward": {"maker": maker},
        "policy": {
            "learner": learner,
            "trunk": trunk if mode == "skills" else "independent",
        },
    }
    if mode != "skills":
        usual = _SUCCESSES[domain] if mode == "sparse" else 1
        shown = trajectories if trajectories is not None else len(episodes) if episodes else usual
        asked["experts"] = {"expert": expert, "trajectories": shown, "episodes": episodes}
    if calibration is not None:
        check_at_least("--lambda", calibration, 0)
        asked["reward"]["calibration"] = calibration
    stages: dict[str, Any] = {
        "data": DataConfig(),
        "experts": ExpertsConfig(),
        "reward": RewardConfig(),
        "policy": PolicyConfig(),
        "rollout": RolloutConfig(),
    }
    one_expert = mode != "skills"
    for layer in (
        *_layers(preset, environment, domain, one_expert),
        *_of_maker(maker, preset, domain, one_expert),
        asked,
    ):
        stages |= {stage: replace(stages[stage], **settings) for stage, settings in layer.items()}
    if maker == "otr":  # its official settings shift rewards twice as far, where a domain does
        stages["policy"] = replace(stages["policy"], reward_shift=2.0 * stages["policy"].reward_shift)
    count = 1 if one_expert else _SKILLS[preset] if skills is None else skills
    return Config(dataset, preset, count, seed, device, mode=mode, seeds=seeds, **stages)


def _layers(preset: Preset, environment: str, domain: Domain, one_expert: bool) -> Iterator[Layer]:
    """What the preset, the mode and the body say, each over those before it."""
    yield _PRESETS[preset]
    if one_expert:
        yield _ONE_EXPERT[preset]
    yield _DOMAINS[domain]
    if preset == "paper" or (preset == "quick" and one_expert):
        yield _WIDTHS[domain]
    if preset == "paper":
        yield _LENGTHS[domain]
    if one_expert and domain == "antmaze":
        yield _MAZE
        if preset != "smoke":
            yield _MAZE_OFTEN
        if preset == "quick":
            yield _QUICK_MAZE
    if not one_expert and preset == "quick" and environment.startswith("Walker2d-"):
        yield _QUICK_WALKER


def _of_maker(maker: Maker, preset: Preset, domain: Domain, one_expert: bool) -> Iterator[Layer]:
    """What a reward maker needs."""
    if maker == "clue" and one_expert and domain == "locomotion":
        yield _SOFT
    if maker == "clue" and one_expert and domain == "antmaze" and preset == "quick":
        yield _UNSCALED
    if maker == "true" and domain != "locomotion":  # as the official IQL leaves them, but for the shift
        yield _UNSCALED
    if maker == "sqil":
        yield {"policy": {"expert_share": 0.5}}


def options(config: Config) -> str:
    """The command-line options that tell a configuration from its preset's, each with a space behind."""
    plain = make_config(config.dataset, preset=config.preset)
    found = "" if config.preset == DEFAULT_PRESET else f"--preset {config.preset} "
    if config.mode != "skills":
        found += _options_of_expert(config)
    elif config.skills != plain.skills:
        found += f"--skills {config.skills} "
    if config.seed != plain.seed:
        found += f"--seed {config.seed} "
    if config.policy.trunk != plain.policy.trunk and config.mode == "skills":
        found += f"--policy {config.policy.trunk} "
    if config.reward.maker != plain.reward.maker:
        found += f"--rewards {config.reward.maker} "
    if config.policy.learner != plain.policy.learner:
        found += f"--learner {config.policy.learner} "
    if config.reward.calibration != plain.reward.calibration:
        found += f"--lambda {config.reward.calibration:g} "
    return found


def _options_of_expert(config: Config) -> str:
    experts = config.experts
    found = f"--mode {config.mode} "
    if experts.expert is not None:
        found += f"--expert {shlex.quote(experts.expert)} "
    if experts.episodes is not None:
        found += f"--episodes {','.join(map(str, experts.episodes))} "
    else:
        found += f"--trajectories {experts.trajectories} "
    return found + (f"--seeds {config.seeds} " if config.seeds != 1 else "")


def _environment(dataset: str) -> str:
    """The Gymnasium id of a dataset; "" where it is not known."""
    try:
        entry = catalog.resolve(dataset)
    except SkillsError:  # said where the data are got
        return ""
    return entry.env_id or env_id(dataset) or ""


def _check_makers(mode: Mode, maker: Maker, learner: Learner) -> None:
    """Raises: SkillsError (usage) for rewards or a learner that skill discovery has no use for."""
    if mode == "skills" and (maker, learner) != ("clue", "iql"):
        option = f"--rewards {maker}" if maker != "clue" else f"--learner {learner}"
        raise SkillsError(
            f"{option} is for one expert, not for the mode skills.", "Add --mode imitation or --mode sparse.", USAGE
        )


def _check_mode(
    mode: Mode,
    skills: int | None,
    seeds: int,
    expert: str | None,
    trajectories: int | None,
    episodes: tuple[int, ...] | None,
) -> None:
    """Raises: SkillsError (usage) for an unknown mode, or an option that it has no use for or lacks."""
    if mode not in get_args(Mode):
        raise SkillsError(f"Unknown mode {mode!r}.", f"Known: {', '.join(get_args(Mode))}.", USAGE)
    if mode == "skills":
        given = {"--expert": expert, "--trajectories": trajectories, "--episodes": episodes}
        named = [option for option, value in given.items() if value is not None] + ["--seeds"] * (seeds != 1)
        if named:
            raise SkillsError(
                f"{named[0]} says nothing in the mode skills.", "Add --mode imitation or --mode sparse.", USAGE
            )
        return
    if skills not in (None, 1):
        raise SkillsError(f"--skills {skills}: the mode {mode} has one.", "Leave --skills out.", USAGE)
    if mode == "imitation" and expert is None:
        raise SkillsError(
            "The mode imitation needs an expert.", "Name a dataset or a file: --expert halfcheetah-expert", USAGE
        )
    if mode == "sparse" and expert is not None:
        raise SkillsError(
            "In the mode sparse the experts are the dataset's own successes.", "Leave --expert out.", USAGE
        )
    if trajectories is not None and episodes is not None:
        raise SkillsError("--trajectories and --episodes both choose the expert.", "Leave one of them out.", USAGE)
