"""Specs of environments as datasets have them: right ones, and such as name code that is no environment."""

import json
from pathlib import Path
from typing import Any


def spec(**changes: Any) -> str:
    """A hopper's, as Gymnasium writes it, but for some of it."""
    plain = {
        "id": "Hopper-v5", "entry_point": "gymnasium.envs.mujoco.hopper_v5:HopperEnv", "reward_threshold": None,
        "nondeterministic": False, "max_episode_steps": 1000, "order_enforce": True, "disable_env_checker": False,
        "kwargs": {}, "additional_wrappers": [], "vector_entry_point": None,
    }  # fmt: skip
    return json.dumps({**plain, **changes})


def running(marker: Path | str) -> dict[str, Any]:
    """What makes a spec run a command, which makes a file."""
    return {"entry_point": "subprocess:run", "kwargs": {"args": ["touch", str(marker)]}}


def hostile(marker: Path | str) -> dict[str, dict[str, Any]]:
    """Changes of a dataset's metadata by what they try.   marker: the file that the code would make."""
    command = running(marker)
    maker = {"kwargs": {"id": "trap:Trap-v0"}}
    return {
        "a command": {"env_spec": spec(**command)},
        "a command for evaluation": {"eval_env_spec": spec(**command)},
        "a command for many": {"env_spec": spec(vector_entry_point="subprocess:run")},
        "a wrapper that is a command": {"env_spec": spec(additional_wrappers=[{"name": "a", **command}])},
        "Gymnasium's own maker": {"env_spec": spec(entry_point="gymnasium.envs.registration:make", **maker)},
        "its top": {"env_spec": spec(entry_point="gymnasium:make", **maker)},
        "a look-alike": {"env_spec": spec(entry_point="gymnasium_evil.envs:Env")},
        "an id that imports": {"env_spec": spec(id="trap:Trap-v0")},
        "no name": {"env_spec": spec(entry_point={"a": 1})},
        "a path": {"env_spec": spec(entry_point="../trap:run")},
        "a number": {"env_spec": 5},
        "no JSON": {"env_spec": "{"},
        "a list": {"env_spec": "[]"},
    }
