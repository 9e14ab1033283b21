"""Every setting of a run, by stage; `presets.py` fills them in.

A configuration is frozen, checked when made, saved as `config.json` with the run, and printed by `skills show`. The
settings of a reward maker and of a learner are those of its own class.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any

from skills.choices import Columns, Device, Features, Labels, Mode, Preset
from skills.errors import USAGE, SkillsError
from skills.plugins import LEARNERS, MAKERS, Plugin, configured

SCHEMA_VERSION = 2
DEFAULT_PRESET: Preset = "quick"
HIGHEST: dict[type, float] = {int: 2**31 - 1, float: 1e30}  # of any setting: more is no size, and no float32
LAST_SEED = 2**32 - 1  # scikit-learn's
MOST_SKILLS = 2**15 - 1  # trials keep classes in 16 bits
EXPERT_FILES = (".npz", ".hdf5", ".h5")  # how the name of an expert ends that is a file and no dataset


@dataclass(frozen=True)
class DataConfig:
    """Which transitions are read."""

    steps: Annotated[int | None, "the first so many of the dataset; none: all"] = None
    columns: Annotated[Columns, "of the observations: those of pose and motion, or all"] = "motion"
    env: Annotated[
        str | None, "to play in, instead of the dataset's own: an id or a model's file; log: nothing is played"
    ] = None


@dataclass(frozen=True)
class ExpertsConfig:
    """Classes that K-means cuts (paper 8.3); in imitation and sparse mode, which episodes are the expert's."""

    features: Annotated[
        Features,
        "what is clustered: (s, a, s') of single steps; behaviour: what a body does over some strides; "
        "policy: who could have acted so (PG-Kmeans)",
    ] = "step"
    strides: Annotated[
        int,
        "behaviour: of the window that classes are cut by inside a behaviour; policy: of the pieces that are shared",
    ] = 1
    inferred: Annotated[bool, "as many classes as behaviours are found; --skills auto"] = False
    max_iterations: Annotated[int, "of K-means"] = 300
    batched_above: Annotated[int, "rows: K-means of more goes by mini-batches"] = 4_000_000
    labels: Annotated[
        Labels, "kmeans; shuffled, a null: its sizes with random members; returns: episodes in bands of their return"
    ] = "kmeans"
    window: Annotated[int, "features are means over so many steps around a transition, within its episode"] = 1
    expert: Annotated[str | None, "imitation: the dataset, or the file of demonstrations, of the expert"] = None
    trajectories: Annotated[
        int, "how many episodes are the expert: those of highest return; among equal returns the seed draws"
    ] = 1
    episodes: Annotated[tuple[int, ...] | None, "these episodes of the expert instead, counted from 0"] = None


@dataclass(frozen=True)
class RolloutConfig:
    """How each skill is played for the page."""

    rollouts: Annotated[int, "episodes of each skill"] = 5
    horizon: Annotated[int, "environment steps of an episode at most"] = 1000
    noise: Annotated[bool, "whether skills act with their Gaussian, or with its mean"] = False
    task: Annotated[str | None, "in a maze: which starts and goals; none: those the environment draws itself"] = None


@dataclass(frozen=True)
class Config:
    """One run.

    skills: the number of experts; 1 in imitation and sparse mode.   seeds: there, how many times it is learned, by
    networks of their own that are trained stacked.   reward: the reward maker.   policy: the learner.
    """

    dataset: str
    preset: Preset
    skills: int
    seed: int
    device: Device
    reward: Plugin
    policy: Plugin
    data: DataConfig = field(default_factory=DataConfig)
    experts: ExpertsConfig = field(default_factory=ExpertsConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    mode: Mode = "skills"
    seeds: int = 1

    def __post_init__(self) -> None:
        check_between("--skills", self.skills, 2 if self.mode == "skills" else 1, MOST_SKILLS)
        check_between("--seed", self.seed, 0, LAST_SEED)
        check_between("--seeds", self.seeds, 1, MOST_SKILLS // self.skills)
        check_between("--trajectories", self.experts.trajectories, 1)

    @property
    def heads(self) -> int:
        """K: the columns of the reward matrix and the heads of the policy."""
        return self.skills * self.seeds

    def to_json(self) -> dict[str, Any]:
        """A JSON document with a schema version; a plug-in is its settings and its name, under its kind."""
        document = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        document["reward"] = {"maker": self.reward.name, **document["reward"]}
        document["policy"] = {"learner": self.policy.name, **document["policy"]}
        return document

    def packages(self) -> dict[str, str]:
        """Which packages its plug-ins are from, by stage; without those of this package."""
        found = {name: plugins.package(getattr(self, name).name) for name, (_, plugins) in _PLUGINS.items()}
        return {name: package for name, package in found.items() if package}

    @staticmethod
    def from_json(document: Mapping[str, Any], packages: Mapping[str, str] | None = None) -> "Config":
        """The configuration of a document made by `to_json`, by this version of the program or the one before.

        packages: as `packages` said when it was made.
        Raises: SkillsError where it is of another version, or of a plug-in that is not installed.
        """
        values = dict(document)
        version = values.pop("schema_version", None)
        if version not in (1, SCHEMA_VERSION):
            raise SkillsError(
                f"This run's config.json has schema version {version!r}, not {SCHEMA_VERSION}.",
                "It was made by another version of skills: use that one, or start a new run.",
            )
        try:
            if version == 1:
                values = _of_version_1(values)
            for name, stage in _STAGES.items():
                values[name] = stage(**values[name])
            for name, (kind, plugins) in _PLUGINS.items():
                given = dict(values[name])
                own = given.pop(kind)
                plugins.require(own, (packages or {}).get(name))
                values[name] = configured(plugins.load(own), given)
            episodes = values["experts"].episodes  # which JSON has made a list
            values["experts"] = replace(values["experts"], episodes=None if episodes is None else tuple(episodes))
            return Config(**values)
        except (TypeError, KeyError) as error:
            raise SkillsError(f"This run's config.json does not fit this version of skills: {error}.") from error


_STAGES = {"data": DataConfig, "experts": ExpertsConfig, "rollout": RolloutConfig}
_PLUGINS = {"reward": ("maker", MAKERS), "policy": ("learner", LEARNERS)}


def _of_version_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 wrote the settings of every maker and learner with each; and "standardised", the only features."""
    values = {**document, "experts": {**document["experts"], "features": "step"}}
    for name, (kind, plugins) in _PLUGINS.items():
        plugins.require(document[name][kind], None)
        known = {kind, *(one.name for one in fields(plugins.load(document[name][kind])))}
        values[name] = {setting: value for setting, value in document[name].items() if setting in known}
    return values


def with_number(config: Config, skills: int) -> Config:
    """A configuration whose number of skills was inferred, as if it had been asked for."""
    return replace(config, skills=skills, experts=replace(config.experts, inferred=False))


def differences(ours: Config, theirs: Config) -> list[str]:
    """One line for each setting that differs: "policy.steps: 25000 there, 300 here"."""
    here, there = dict(settings(ours)), dict(settings(theirs))
    names = dict.fromkeys([*there, *here])
    return [
        f"{name}: {there.get(name, 'nothing')} there, {here.get(name, 'nothing')} here"
        for name in names
        if there.get(name, names) != here.get(name, names)
    ]


def check_between(option: str, value: float, lowest: float, highest: float | None = None) -> None:
    """Raises: SkillsError (usage) that names the option.   highest: of whole numbers and of others unless told."""
    most = HIGHEST[type(value)] if highest is None else highest
    if lowest <= value <= most:  # which NaN is not
        return
    said = f"{value:g}" if isinstance(value, float) else str(value)
    wrong = "too small" if value < lowest else "too large" if value > most else "no number"
    raise SkillsError(f"{option} {said} is {wrong}.", f"It must be {lowest:g} or more, and {most:,} at most.", USAGE)


def settings(config: Config) -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting, in order."""
    for name, value in config.to_json().items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", one) for inner, one in value.items())
        elif name != "schema_version":
            yield name, value
