"""The configuration of a dataset: what the presets say for its body and the mode, and what was asked for."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal, get_args

from skills.bodies.references import domain_of
from skills.choices import Device, Domain, Features, Mode, Preset, Trunk
from skills.data import catalog
from skills.data.minari_root import env_id
from skills.errors import USAGE, SkillsError
from skills.plugins import LEARNERS, MAKERS
from skills.settings import presets
from skills.settings.change import changed
from skills.settings.config import DEFAULT_PRESET, Config, DataConfig, ExpertsConfig, RolloutConfig, check_between


def make_config(
    dataset: str,
    *,
    preset: Preset = DEFAULT_PRESET,
    skills: int | Literal["auto"] | None = None,
    seed: int = 1,
    device: Device = "cpu",
    trunk: Trunk = "shared",
    domain: Domain | None = None,
    mode: Mode = "skills",
    seeds: int = 1,
    expert: str | None = None,
    trajectories: int | None = None,
    episodes: tuple[int, ...] | None = None,
    maker: str = "clue",
    learner: str | None = None,
    calibration: float | None = None,
    env: str | None = None,
    set: Mapping[str, Any] | None = None,
) -> Config:
    """The preset's configuration for a dataset. The default seed, 1, is the paper's `random_state` for K-means.

    skills: how many; "auto", as many as there are behaviours in the data.
    domain: what the dataset's body does; None: what the catalogue or the dataset's metadata say.
    seeds, expert, trajectories, episodes: in imitation and sparse mode, see `Config` and `ExpertsConfig`.
    learner: None: what suits the features, the preset and the mode.   calibration: lambda, 0 for none.
    env: what to play in instead of the dataset's own environment: an id, the whole path of a model, "log" for nothing.
    set: any setting by its dotted name, {"policy.steps": 5000}, over all else.
    Raises: SkillsError (usage) for an unknown preset, a value out of range, or one that the mode has no use for.
    """
    if preset not in get_args(Preset):
        raise SkillsError(f"Unknown preset {preset!r}.", f"Known: {', '.join(get_args(Preset))}.", USAGE)
    _check_mode(mode, skills, seeds, expert, trajectories, episodes)
    one_expert = mode != "skills"
    usual: Features = "behaviour" if skills == "auto" else presets.features(preset, one_expert)
    named = (set or {}).get("experts.features", usual)
    features: Features = named if named in get_args(Features) else usual  # what is no such word is refused below
    learner = learner or presets.learner(features, preset, one_expert)
    _check_makers(mode, maker, learner)
    domain = domain or domain_of(env or _environment(dataset))
    asked: dict[str, dict[str, Any]] = {
        "policy": {"trunk": "independent" if one_expert else trunk},
        "experts": {"features": features},
    }
    if one_expert:
        successes = presets.SUCCESSES[domain] if mode == "sparse" else 1
        shown = trajectories if trajectories is not None else len(episodes) if episodes else successes
        asked["experts"] |= {"expert": expert, "trajectories": shown, "episodes": episodes}
    if skills == "auto":
        asked["experts"] |= {"inferred": True, "strides": presets.STRIDES_OF_BEHAVIOURS}
    if env is not None:
        asked["data"] = {"env": env}
    if calibration is not None:
        check_between("--lambda", calibration, 0)
        asked["reward"] = {"calibration": calibration}
    maker_class, learner_class = MAKERS.load(maker), LEARNERS.load(learner)
    stages: dict[str, Any] = {
        "data": DataConfig(),
        "experts": ExpertsConfig(),
        "reward": maker_class(),
        "policy": learner_class(),
        "rollout": RolloutConfig(),
    }
    needs = (plugin.needs(preset, mode, domain) for plugin in (maker_class, learner_class))
    for layer in (*presets.layers(preset, domain, one_expert, features), *needs, asked):
        stages |= {stage: _with(stages[stage], settings) for stage, settings in layer.items()}
    stages = changed(stages, set or {})
    _check_window(stages["experts"])
    usual_count = 1 if one_expert else presets.SKILLS[preset]
    count = skills if isinstance(skills, int) and not one_expert else usual_count
    return Config(dataset, preset, count, seed, device, mode=mode, seeds=seeds, **stages)


def _with(stage: Any, settings: Mapping[str, Any]) -> Any:
    """A stage with those of the settings that it has: a preset speaks of every maker and learner."""
    known = {one.name for one in fields(stage)}
    return replace(stage, **{name: value for name, value in settings.items() if name in known})


def _environment(dataset: str) -> str:
    """The Gymnasium id of a dataset; "" where it is not known."""
    try:
        entry = catalog.resolve(dataset)
    except SkillsError:  # said where the data are got
        return ""
    return entry.env_id or env_id(dataset) or ""


def _check_window(experts: ExpertsConfig) -> None:
    """Raises: SkillsError (usage) where a window is asked for that nothing would be averaged over."""
    if experts.window != 1 and experts.features != "step":
        raise SkillsError(
            f"experts.window = {experts.window} is of classes of steps, not of experts.features = {experts.features}.",
            "Say how long with experts.strides, or add --set experts.features=step.",
            USAGE,
        )


def _check_makers(mode: Mode, maker: str, learner: str) -> None:
    """Raises: SkillsError (usage) for rewards or a learner that the mode has no use for."""
    for option, plugins, name in (("--rewards", MAKERS, maker), ("--learner", LEARNERS, learner)):
        modes = plugins.load(name).modes
        if mode not in modes:
            raise SkillsError(
                f"{option} {name} is for one expert, not for the mode {mode}.",
                f"Add {' or '.join(f'--mode {one}' for one in modes)}.",
                USAGE,
            )


def _check_mode(
    mode: Mode,
    skills: int | Literal["auto"] | None,
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
