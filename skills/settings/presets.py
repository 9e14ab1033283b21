"""The presets: what every setting is for a dataset, a mode and a patience.

A configuration is layers of settings, each over those before it: the preset, the mode, the domain, what some bodies
need; then what the reward maker and the learner need (`Plugin.needs`). A layer is {stage: {setting: value}}.

`smoke`: seconds, for tests and a first try of the machine; it claims nothing. `quick`: minutes on two CPU cores: fewer,
larger steps than the paper's. `paper`: the paper's own numbers, Table 8 and a million IQL steps.
"""

from collections.abc import Iterator

from skills.choices import Domain, Features, Preset
from skills.plugins import Layer

SKILLS: dict[Preset, int] = {"smoke": 8, "quick": 100, "paper": 100}
PRESETS: dict[Preset, Layer] = {
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
        "rollout": {"rollouts": 3},
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
SUCCESSES: dict[Domain, int] = {"locomotion": 3, "antmaze": 5, "adroit": 3}  # of sparse mode (Table 8)

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
# observations standardised, weights that trust advantages less.
_QUICK_MAZE: Layer = {"policy": {"td_steps": 20, "inverse_temperature": 1.0, "standardise": True}}

# What is cut into classes: as in the paper at its scale, and where a run is to take seconds.
_FEATURES: dict[Preset, Features] = {"smoke": "step", "quick": "behaviour", "paper": "step"}
STRIDES_OF_BEHAVIOURS = 6  # of classes that are whole behaviours: so far ahead their skills look
_PIECES: Layer = {"experts": {"strides": 6}}  # of PG-Kmeans


def features(preset: Preset, one_expert: bool) -> Features:
    """What classes are cut by, unless said otherwise."""
    return "step" if one_expert else _FEATURES[preset]


def learner(features: Features, preset: Preset, one_expert: bool) -> str:
    """The name of the learner that suits what the classes are of.

    Where it is as in the paper, its own: of one expert, and of single steps at its scale.
    """
    if features == "policy":
        return "bc"
    return "iql" if one_expert or (features == "step" and preset == "paper") else "reach"


def layers(preset: Preset, domain: Domain, one_expert: bool, features: Features) -> Iterator[Layer]:
    """What the preset, the mode and the domain say, each over those before it.   features: what classes are cut by."""
    yield PRESETS[preset]
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
    if features == "policy":
        yield _PIECES
