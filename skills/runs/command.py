"""The command line that makes a run, and the one that finishes it."""

import shlex
from pathlib import Path
from typing import Any

from skills.runs.configure import make_config
from skills.settings.config import Config, settings
from skills.settings.presets import features, learner

# The options that settings have of their own, in the order they are written in; the others are given with --set.
_OPTIONS = {
    "preset": "--preset",
    "mode": "--mode",
    "data.env": "--env",
    "experts.expert": "--expert",
    "experts.episodes": "--episodes",
    "experts.trajectories": "--trajectories",
    "skills": "--skills",
    "seed": "--seed",
    "seeds": "--seeds",
    "policy.trunk": "--policy",
    "reward.maker": "--rewards",
    "policy.learner": "--learner",
    "reward.calibration": "--lambda",
}
_LEFT_OUT = ("device",)  # a run may go on elsewhere


def go_on(path: Path, *words: str) -> str:
    """What finishes the run of that folder, however it was begun: its settings and its data are noted there.

    words: another command that goes on with a run, and behind its folder its options, to be said in the same way.
    """
    from skills.data.trust import trusted  # takes a second: it needs Gymnasium

    doing, *options = words or ("discover --run",)
    options += [f"--trust {package}" for package in sorted(trusted())]
    return " ".join(["skills", doing, shlex.quote(str(path)), *options])


def command(config: Config, path: Path) -> str:
    """What makes such a run in that folder."""
    return f"skills discover {shlex.quote(config.dataset)} {options(config)}--run {shlex.quote(str(path))}"


def options(config: Config) -> str:
    """The command-line options that tell a configuration from its preset's, each with a space behind."""
    experts, usual, one_expert = config.experts, make_config(config.dataset), config.mode != "skills"
    cut_by = features(config.preset, one_expert)
    kind: dict[str, Any] = {"preset": config.preset, "mode": config.mode}
    kind |= {"maker": config.reward.name, "learner": config.policy.name}
    if one_expert:
        kind |= {"expert": experts.expert, "episodes": experts.episodes}
    elif experts.inferred and experts.features == "behaviour":
        kind["skills"] = "auto"
    elif experts.features != cut_by:
        kind["set"] = {"experts.features": experts.features}
    plain = dict(settings(make_config(config.dataset, **kind)))
    given = {name: value for name, value in settings(config) if name not in _LEFT_OUT and value != plain[name]}
    kinds = ["preset", "mode", "reward.maker", "policy.learner"]
    kinds += [f"experts.{name}" for name in ("expert", "episodes", "features", "inferred")]
    known = dict(settings(usual)) | {
        "experts.features": cut_by,
        "policy.learner": learner(experts.features, config.preset, one_expert),
    }
    given |= {name: plain[name] for name in kinds if plain[name] != known[name]}
    if one_expert and experts.episodes is None:
        given["experts.trajectories"] = experts.trajectories
    elif one_expert:
        given.pop("experts.trajectories", None)
    if experts.inferred and experts.features == "behaviour":
        given = {name: value for name, value in given.items() if name not in ("experts.inferred", "experts.features")}
        given["skills"] = "auto"
    found = [f"{option} {_text(given.pop(name))} " for name, option in _OPTIONS.items() if name in given]
    return "".join(found + [f"--set {name}={_text(value)} " for name, value in given.items()])


def _text(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else shlex.quote(str(value))
