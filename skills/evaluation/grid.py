"""The grid of a sweep: a YAML file of datasets, methods, seeds and settings.

    datasets: [hopper-medium, halfcheetah-medium]
    methods: [clue, bc]             # rewards and learner, as `skills reproduce` names them; or your own:
                                    # {soft: {lambda: 0.2, set: {...}}}; left out: what `skills discover` does
    seeds: 3                        # 1, 2 and 3; or [1, 7]
    settings:                       # each value with each of the others
      policy.steps: [10000, 30000]
    preset: quick                   # this, and what else `skills discover` takes, is of all runs
    evaluate: none                  # each is measured, as by `skills evaluate --against none`; left out: not
    trials: 4

Each combination is a run.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from skills.choices import Device
from skills.errors import ENVIRONMENT, USAGE, SkillsError, nearest
from skills.evaluation import paper, variants
from skills.evaluation.paper import Method
from skills.playing.protocol import Protocol
from skills.runs.configure import make_config
from skills.settings.config import Config, check_between
from skills.troubles import reading

# What of `skills discover` a grid or a method may say, as it is called there, and as `make_config` takes it.
OPTIONS = {
    "preset": "preset",
    "mode": "mode",
    "skills": "skills",
    "expert": "expert",
    "trajectories": "trajectories",
    "rewards": "maker",
    "learner": "learner",
    "lambda": "calibration",
    "policy": "trunk",
    "env": "env",
    "set": "set",
}
_USUAL = {"usual": None}  # methods, where none are named: of that name what the preset has
_OWN = ("datasets", "methods", "seeds", "settings", "evaluate", "trials")
_MOST_RUNS = 10_000


@dataclass(frozen=True)
class Combination:
    """What is the same in the runs that differ by their seed alone.   settings: those that the grid varies."""

    dataset: str
    method: str
    settings: Mapping[str, Any]

    def name(self, seed: int) -> str:
        """Of the run of that seed, as a folder is called."""
        varied = (f"{name}-{value}" for name, value in self.settings.items())
        return "-".join([self.dataset, self.method, *varied, str(seed)]).replace("/", "-")


@dataclass(frozen=True)
class Grid:
    """methods: by name, what of `OPTIONS` makes each.   options: of all runs.   against: None: nothing is evaluated."""

    datasets: tuple[str, ...]
    methods: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...]
    settings: Mapping[str, tuple[Any, ...]]
    options: Mapping[str, Any]
    against: tuple[str, ...] | None
    trials: int

    @property
    def cells(self) -> list[Combination]:
        """Every combination, but for seeds."""
        varied = [
            dict(zip(self.settings, values, strict=True)) for values in itertools.product(*self.settings.values())
        ]
        return [Combination(*one) for one in itertools.product(self.datasets, self.methods, varied)]

    def config(self, cell: Combination, seed: int, device: Device) -> Config:
        """The configuration of a run. Raises: SkillsError (usage) for what cannot be set so."""
        method = self.methods[cell.method]
        asked = {OPTIONS[name]: value for name, value in {**self.options, **method}.items()}
        asked["set"] = {**self.options.get("set", {}), **method.get("set", {}), **cell.settings}
        return make_config(cell.dataset, seed=seed, device=device, **asked)


def read_grid(path: Path) -> Grid:
    """The grid of a file. Raises: SkillsError (usage) for what is none, with what it may say."""
    try:
        import yaml
    except ModuleNotFoundError:
        raise SkillsError("Reading YAML needs PyYAML.", "Install it: pip install ray pyyaml", ENVIRONMENT) from None
    with reading(path, "Mend it."):
        text = path.read_text(encoding="utf-8")
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SkillsError(f"{path} is no YAML: {error}", exit_code=USAGE) from None
    if not isinstance(said, dict) or "datasets" not in said:
        raise SkillsError(f"{path} names no datasets.", "Say them as in: datasets: [hopper-medium]", USAGE)
    options = _options({name: value for name, value in said.items() if name not in _OWN}, _OWN)
    trials = said.get("trials", Protocol.trials)
    if not isinstance(trials, int):
        raise _wrong("trials", trials, "a number")
    grid = Grid(
        datasets=_list_of("datasets", said["datasets"], str),
        methods=_methods(said.get("methods", _USUAL)),
        seeds=_seeds(said.get("seeds", 1)),
        settings=_settings(said.get("settings") or {}),
        options=options,
        against=variants.choose(str(said["evaluate"])) if "evaluate" in said else None,
        trials=trials,
    )
    check_between("runs:", len(grid.cells) * len(grid.seeds), 1, _MOST_RUNS)
    return grid


def _wrong(name: str, value: object, what: str) -> SkillsError:
    return SkillsError(f"{name}: {value!r} is not {what}.", exit_code=USAGE)


def _list_of(name: str, value: Any, kind: type) -> tuple[Any, ...]:
    """One or a list of them, none twice."""
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(one, kind) and not isinstance(one, bool) for one in found):
        raise _wrong(name, value, "a list of names" if kind is str else "a list of whole numbers")
    return tuple(dict.fromkeys(found))


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        check_between("seeds:", value, 1, _MOST_RUNS)
        return tuple(range(1, value + 1))
    return _list_of("seeds", value, int)


def _settings(value: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(value, dict):
        raise _wrong("settings", value, "settings with their values, as in: {policy.steps: [1000, 3000]}")
    varied = {name: tuple(values) if isinstance(values, list) else (values,) for name, values in value.items()}
    for name, values in varied.items():
        if not values or any(isinstance(one, list | dict) for one in values):
            raise _wrong(name, value[name], "a list of values")
    return varied


def _methods(value: Any) -> dict[str, Mapping[str, Any]]:
    """By name, what makes them: as it is said, or as the paper's methods of these names are made."""
    if isinstance(value, dict):
        return {str(name): _options(options or {}, ()) for name, options in value.items()}
    return {name: _of_paper(name) for name in _list_of("methods", value, str)}


def _of_paper(name: str) -> dict[str, Any]:
    method = paper.method(name)
    if method.percent is not None:
        raise SkillsError(f"{name}: of a part of the data.", "Say how many rows: settings: {data.steps: ...}", USAGE)
    usual = {one.name: one.default for one in fields(Method)}
    of_discover = {"rewards": "maker", "lambda": "calibration", "trajectories": "trajectories"}
    found = {option: getattr(method, own) for option, own in of_discover.items() if getattr(method, own) != usual[own]}
    found["learner"] = method.learner  # said always: the preset's goes by its classes
    return found if method.temperature is None else {**found, "set": {"reward.temperature": method.temperature}}


def _options(value: Any, others: tuple[str, ...]) -> dict[str, Any]:
    """Raises: SkillsError (usage) for what is none.   others: what else might have been meant."""
    if not isinstance(value, dict) or not isinstance(value.get("set", {}), dict):
        raise _wrong("options", value, "options with their values, as in: {learner: bc}")
    for name in value:
        if name not in OPTIONS:
            raise SkillsError(f"A grid knows no {str(name)!r}.", nearest(str(name), [*OPTIONS, *others]), USAGE)
    return dict(value)
