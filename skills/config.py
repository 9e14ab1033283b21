"""Every setting of a run, by stage, and the presets that fill them in.

A configuration is frozen, checked when made, saved as `config.json` with the run, and printed by `skills show`.
"""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from skills import catalog
from skills.catalog import Domain
from skills.dataset import Columns
from skills.errors import USAGE, SkillsError
from skills.minari_root import env_id

Preset = Literal["smoke", "quick", "paper"]
Device = Literal["cpu", "cuda"]
Distance = Literal["expected", "sample", "mean"]
Features = Literal["standardised", "raw"]
Trunk = Literal["shared", "independent"]
Labels = Literal["kmeans", "shuffled", "returns"]
Mode = Literal["skills", "imitation", "sparse"]
Maker = Literal["clue", "true", "otr", "oril", "sqil"]
Learner = Literal["iql", "bc", "clone", "td3bc"]

SCHEMA_VERSION = 1
DEFAULT_PRESET: Preset = "quick"
EXPERT_FILES = (".npz", ".hdf5", ".h5")  # how the name of an expert ends that is a file and no dataset


@dataclass(frozen=True)
class DataConfig:
    """Which transitions are read: the first `steps` of the dataset (None: all), and which observation columns."""

    steps: int | None = None
    columns: Columns = "motion"


@dataclass(frozen=True)
class ExpertsConfig:
    """K-means of (s, a, s') into classes (paper 8.3); in imitation and sparse mode, which episodes are the expert's."""

    features: Features = "standardised"
    max_iterations: int = 300
    # shuffled: a null, the classes' sizes with random members.   returns: no K-means but episodes in bands of their
    # return, the best last.
    labels: Labels = "kmeans"
    window: int = 1  # features are means over so many steps, those around a transition in its episode
    expert: str | None = None  # imitation: the dataset, or the file of demonstrations, that the expert comes from
    trajectories: int = 1  # so many: the best by return, those that return the same drawn by the seed
    episodes: tuple[int, ...] | None = None  # or these, counted from 0


@dataclass(frozen=True)
class RewardConfig:
    """The calibrated CVAEs and the reward they give (paper eq. 4-7, Table 8, MuJoCo column).

    The other reward makers have settings of their own in their files, and read of these what their documentation names.
    """

    maker: Maker = "clue"
    hidden: int = 128
    batch: int = 128  # rows of the data, and as many of the class, per step
    iterations: int = 10_000
    learning_rate: float = 1e-4
    calibration: float = 0.1  # lambda, weight of the term that binds the experts' posterior to the origin
    kl_weight: float = 0.5  # beta
    distance: Distance = "expected"
    temperature: float = 1.0  # c in exp(-c d^2)
    standardise: bool = True  # the observations
    scaled: bool = True  # by 1000 / (max - min over episodes of their sums), as IQL does for locomotion
    held_out: float = 0.0  # share of each class's rows that no batch holds, to see over-fitting in the loss curves
    stop_gap: float | None = None  # a model stops where sigma of its held-out rows is this many times that of the rest


@dataclass(frozen=True)
class PolicyConfig:
    """IQL with a head per skill (official locomotion settings; Kostrikov et al. 2022).

    The learners that imitate (bc: each skill its class; clone: every skill all of the data) read no rewards, and of
    these settings the first four. TD3+BC leaves out the expectile, the temperature, the weights, the trunk and dropout.
    """

    learner: Learner = "iql"
    hidden: int = 256
    batch: int = 256
    steps: int = 1_000_000
    learning_rate: float = 3e-4
    expectile: float = 0.7
    inverse_temperature: float = 3.0
    discount: float = 0.99
    td_steps: int = 1  # n of n-step returns: Q aims at n discounted rewards and V n steps on
    polyak: float = 0.005
    weight_limit: float = 100.0
    trunk: Trunk = "shared"  # or a network of its own for each skill, the paper's way: K times the cost
    depth: int = 2  # hidden layers
    dropout: float = 0.0  # of the actor's hidden units
    reward_shift: float = 0.0  # added to every scaled reward
    standardise: bool = True  # the observations
    head_hidden: int = 0  # units of a hidden layer that each skill has for itself behind the trunk; 0: none
    expert_share: float = 0.0  # of each batch, drawn from the experts' rows alone; SQIL's half


@dataclass(frozen=True)
class RolloutConfig:
    """How each skill is played: `rollouts` episodes of at most `horizon` environment steps."""

    rollouts: int = 5
    horizon: int = 1000
    noise: bool = False  # whether skills act with their Gaussian, or with its mean
    task: str | None = None  # in a maze: which starts and goals; None: those that the environment draws itself


@dataclass(frozen=True)
class Config:
    """One run.

    skills: the number of experts; 1 in imitation and sparse mode.   seeds: there, how many times it is learned, by
    networks of their own that are trained stacked.
    """

    dataset: str
    preset: Preset
    skills: int
    seed: int
    device: Device
    data: DataConfig = field(default_factory=DataConfig)
    experts: ExpertsConfig = field(default_factory=ExpertsConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    mode: Mode = "skills"
    seeds: int = 1

    def __post_init__(self) -> None:
        _check_at_least("--skills", self.skills, 2 if self.mode == "skills" else 1)
        _check_at_least("--seed", self.seed, 0)
        _check_at_least("--seeds", self.seeds, 1)
        _check_at_least("--trajectories", self.experts.trajectories, 1)

    @property
    def heads(self) -> int:
        """K: the columns of the reward matrix and the heads of the policy."""
        return self.skills * self.seeds

    @property
    def options(self) -> str:
        """The command-line options that tell this configuration from its preset's, each with a space behind."""
        plain = make_config(self.dataset, preset=self.preset)
        options = "" if self.preset == DEFAULT_PRESET else f"--preset {self.preset} "
        if self.mode != "skills":
            options += self._options_of_expert
        elif self.skills != plain.skills:
            options += f"--skills {self.skills} "
        if self.seed != plain.seed:
            options += f"--seed {self.seed} "
        if self.policy.trunk != plain.policy.trunk and self.mode == "skills":
            options += f"--policy {self.policy.trunk} "
        if self.reward.maker != plain.reward.maker:
            options += f"--rewards {self.reward.maker} "
        if self.policy.learner != plain.policy.learner:
            options += f"--learner {self.policy.learner} "
        if self.reward.calibration != plain.reward.calibration:
            options += f"--lambda {self.reward.calibration:g} "
        return options

    @property
    def _options_of_expert(self) -> str:
        experts = self.experts
        options = f"--mode {self.mode} "
        if experts.expert is not None:
            options += f"--expert {shlex.quote(experts.expert)} "
        if experts.episodes is not None:
            options += f"--episodes {','.join(map(str, experts.episodes))} "
        else:
            options += f"--trajectories {experts.trajectories} "
        return options + (f"--seeds {self.seeds} " if self.seeds != 1 else "")

    def to_json(self) -> dict[str, Any]:
        """A JSON document with a schema version."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> "Config":
        """The configuration of a document made by `to_json`.

        Raises: SkillsError where it was written by another version of this program.
        """
        stages = {
            "data": DataConfig,
            "experts": ExpertsConfig,
            "reward": RewardConfig,
            "policy": PolicyConfig,
            "rollout": RolloutConfig,
        }
        values = dict(document)
        if values.pop("schema_version", None) != SCHEMA_VERSION:
            raise SkillsError(
                f"This run's config.json has schema version {document.get('schema_version')!r}, not {SCHEMA_VERSION}.",
                "It was made by another version of skills: use that one, or start a new run.",
            )
        try:
            for name, stage in stages.items():
                values[name] = stage(**values[name])
            episodes = values["experts"].episodes  # which JSON has made a list
            values["experts"] = replace(values["experts"], episodes=None if episodes is None else tuple(episodes))
            return Config(**values)
        except (TypeError, KeyError) as error:
            raise SkillsError(f"This run's config.json does not fit this version of skills: {error}.") from error


_PRESETS: dict[Preset, dict[str, Any]] = {
    # A whole small run in seconds, for tests and a first try of the machine; it claims nothing.
    "smoke": {
        "skills": 8,
        "data": DataConfig(steps=12_000),
        "experts": ExpertsConfig(max_iterations=20),
        "reward": RewardConfig(hidden=32, batch=32, iterations=150, learning_rate=1e-3),
        "policy": PolicyConfig(hidden=64, batch=64, steps=300, learning_rate=1e-3),
        "rollout": RolloutConfig(rollouts=2, horizon=100),
    },
    # Minutes on two CPU cores: fewer, larger steps than the paper's.
    "quick": {
        "skills": 100,
        "data": DataConfig(steps=200_000),
        "reward": RewardConfig(iterations=700, learning_rate=1e-3),
        "policy": PolicyConfig(steps=30_000, learning_rate=1e-3),
    },
    # The paper's own numbers: Table 8 and a million IQL steps.
    "paper": {"skills": 100, "reward": RewardConfig(distance="sample")},
}


# With one expert (imitation, sparse) a few models are trained rather than a hundred: quick can afford more of each.
_ONE_EXPERT: dict[Preset, dict[str, Any]] = {
    "smoke": {"rollout": RolloutConfig(rollouts=2)},
    "quick": {
        "reward": RewardConfig(iterations=3_000, learning_rate=5e-4),
        "policy": PolicyConfig(steps=20_000, learning_rate=1e-3),
        "rollout": RolloutConfig(rollouts=10),
    },
    "paper": {"rollout": RolloutConfig(rollouts=10)},
}


# In skill discovery `quick` sees further on Walker2d, whose steps are short (0.008 s; 0.05 on Ant and HalfCheetah). A
# class of single steps is a small part of a stride (71 steps), and values that spread one step an update reach nowhere.
# So: classes of means over two strides, returns of six steps, the discount a second that 0.99 is there, softer rewards.
# Hopper's steps are as short, but this has not been measured on it.
_QUICK_WALKER: dict[str, dict[str, Any]] = {
    "experts": {"window": 142},
    "reward": {"temperature": 0.1},
    "policy": {"td_steps": 6, "discount": 0.9984},
}


# What the other domains set otherwise than locomotion: CLUE's Table 8, and the official IQL settings.
_DOMAINS: dict[Domain, dict[str, dict[str, Any]]] = {
    "locomotion": {"reward": {}, "policy": {}},
    "antmaze": {
        "reward": {"calibration": 0.8, "temperature": 10.0, "standardise": False},
        "policy": {"expectile": 0.9, "inverse_temperature": 10.0, "reward_shift": -1.0, "standardise": False},
    },
    "adroit": {"reward": {}, "policy": {"inverse_temperature": 0.5, "dropout": 0.1}},
}
# With one expert `quick` learns a maze in fewer updates than values need to spread and settle, so: returns of 20 steps,
# observations standardised, weights that trust advantages less, and CLUE's rewards as the sparse ones are, not scaled.
_QUICK_MAZE: dict[str, Any] = {"td_steps": 20, "inverse_temperature": 1.0, "standardise": True}
# The sizes of Table 8, which `paper` takes.
_PAPER_SIZES: dict[Domain, dict[str, Any]] = {
    "locomotion": {},
    "antmaze": {"hidden": 512, "batch": 256, "iterations": 100_000, "learning_rate": 1e-3},
    "adroit": {"iterations": 100_000},
}
# Of one expert: how many episodes it has in sparse mode (Table 8), and how often a policy is played.
_SUCCESSES: dict[Domain, int] = {"locomotion": 3, "antmaze": 5, "adroit": 3}
_MAZE_ROLLOUTS = 100
# c of one expert in locomotion. An expert is far from all of the data (d^2 is about Z there, 1 on its own rows): with
# c = 1 the reward is 0 but for rare moments that pass for the expert's, which the policy then chases until it falls
# (score on walker2d-medium 13, with this 100). So close to 0 it is about 1 - c d^2, graded over all of the data.
_SOFT_TEMPERATURE = 0.01


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
        raise SkillsError(f"Unknown preset {preset!r}.", f"Known: {', '.join(get_args(Preset))}.", USAGE)
    _check_mode(mode, skills, seeds, expert, trajectories, episodes)
    if mode == "skills" and (maker, learner) != ("clue", "iql"):
        option = f"--rewards {maker}" if maker != "clue" else f"--learner {learner}"
        raise SkillsError(
            f"{option} is for one expert, not for the mode skills.", "Add --mode imitation or --mode sparse.", USAGE
        )
    environment = _environment(dataset)
    domain = domain or catalog.domain_of(environment)
    stages = {"experts": ExpertsConfig(), "reward": RewardConfig(), "policy": PolicyConfig()}
    values: dict[str, Any] = {**stages, **_PRESETS[preset]}
    if mode != "skills":
        values |= _ONE_EXPERT[preset]
        skills, trunk = 1, "independent"
        usual = _SUCCESSES[domain] if mode == "sparse" else 1
        chosen = trajectories if trajectories is not None else len(episodes) if episodes else usual
        values["experts"] = ExpertsConfig(expert=expert, trajectories=chosen, episodes=episodes)
        if domain == "antmaze":
            played = values["rollout"].rollouts if preset == "smoke" else _MAZE_ROLLOUTS
            values["rollout"] = replace(values["rollout"], rollouts=played, task="evaluation")
    if skills is not None:
        values["skills"] = skills
    sizes = _PAPER_SIZES[domain] if preset == "paper" else {}
    if preset == "quick" and mode != "skills":  # wide as in the table, but not as long
        sizes = {name: size for name, size in _PAPER_SIZES[domain].items() if name in ("hidden", "batch")}
    values["reward"] = replace(values["reward"], maker=maker, **_DOMAINS[domain]["reward"], **sizes)
    values["policy"] = replace(values["policy"], learner=learner, trunk=trunk, **_DOMAINS[domain]["policy"])
    if mode != "skills" and domain == "locomotion" and maker == "clue":
        values["reward"] = replace(values["reward"], temperature=_SOFT_TEMPERATURE)
    if mode != "skills" and preset == "quick" and domain == "antmaze":
        values["policy"] = replace(values["policy"], **_QUICK_MAZE)
        values["reward"] = replace(values["reward"], scaled=maker != "clue")
    if maker == "true" and domain != "locomotion":  # as the official IQL leaves them, but for the shift
        values["reward"] = replace(values["reward"], scaled=False)
    if mode == "skills" and preset == "quick" and environment.startswith("Walker2d-"):
        values |= {stage: replace(values[stage], **changes) for stage, changes in _QUICK_WALKER.items()}
    if calibration is not None:
        _check_at_least("--lambda", calibration, 0)
        values["reward"] = replace(values["reward"], calibration=calibration)
    if maker == "otr":  # its official settings shift rewards twice as far, where a domain does
        values["policy"] = replace(values["policy"], reward_shift=2.0 * values["policy"].reward_shift)
    if maker == "sqil":
        values["policy"] = replace(values["policy"], expert_share=0.5)
    return Config(dataset=dataset, preset=preset, seed=seed, device=device, mode=mode, seeds=seeds, **values)


def _environment(dataset: str) -> str:
    """The Gymnasium id of a dataset; "" where it is not known."""
    try:
        entry = catalog.resolve(dataset)
    except SkillsError:  # said where the data are got
        return ""
    return entry.env_id or env_id(dataset) or ""


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


def differences(ours: Config, theirs: Config) -> list[str]:
    """One line for each setting that differs: "policy.steps: 25000 there, 300 here"."""
    return _differences(asdict(theirs), asdict(ours), "")


def _differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str) -> list[str]:
    lines = []
    for name, value in there.items():
        if isinstance(value, dict):
            lines += _differences(value, here[name], f"{prefix}{name}.")
        elif value != here[name]:
            lines.append(f"{prefix}{name}: {value} there, {here[name]} here")
    return lines


def _check_at_least(option: str, value: float, lowest: int) -> None:
    if value < lowest:
        raise SkillsError(f"{option} {value} is too small.", f"It must be {lowest} or more.", USAGE)


def settings(config: Config) -> list[tuple[str, Any]]:
    """(dotted name, value) of every setting, in order, for tables."""
    rows: list[tuple[str, Any]] = []
    for one in fields(config):
        value = getattr(config, one.name)
        if hasattr(value, "__dataclass_fields__"):
            rows += [(f"{one.name}.{inner.name}", getattr(value, inner.name)) for inner in fields(value)]
        else:
            rows.append((one.name, value))
    return rows
