"""Every setting of a run, by stage; `presets.py` fills them in.

A configuration is frozen, checked when made, saved as `config.json` with the run, and printed by `skills show`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from skills.data.transitions import Columns
from skills.errors import USAGE, SkillsError

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
        check_at_least("--skills", self.skills, 2 if self.mode == "skills" else 1)
        check_at_least("--seed", self.seed, 0)
        check_at_least("--seeds", self.seeds, 1)
        check_at_least("--trajectories", self.experts.trajectories, 1)

    @property
    def heads(self) -> int:
        """K: the columns of the reward matrix and the heads of the policy."""
        return self.skills * self.seeds

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


def check_at_least(option: str, value: float, lowest: int) -> None:
    """Raises: SkillsError (usage) that names the option."""
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
