"""A small dataset and a finished run on it, made in a second or two by the commands themselves, to be spoilt."""

from pathlib import Path

import numpy as np
from commands import Done, skills
from conftest import play_randomly

NAME, RUN, SKILLS = "mine/hops-v0", "hops", 3
QUICKLY = (
    *("--preset", "smoke", "--skills", SKILLS, "--no-videos"),
    *("--set", "reward.iterations=5", "--set", "policy.steps=5", "--set", "rollout.horizon=20"),
)


def log(path: Path) -> Path:
    """A file of some hundred transitions, as people bring them."""
    hops = play_randomly("Hopper-v5", episodes=20, steps=60)
    ends = np.zeros(len(hops), bool)
    ends[hops.bounds[1:] - 1] = True
    np.savez(
        path,
        observations=hops.observations,
        actions=hops.actions,
        next_observations=hops.next_observations,
        rewards=hops.rewards,
        terminals=hops.terminated,
        timeouts=ends & ~hops.terminated,
    )
    return path


def finished(home: Path) -> Path:
    """Makes the dataset NAME and the run RUN in a folder; the run's own folder."""
    for done in (
        skills(home, "data", "import", log(home / "hops.npz"), "--env", "Hopper-v5", "--name", NAME),
        skills(home, "discover", NAME, "--run", home / "runs" / RUN, *QUICKLY),
    ):
        check(done)
    return home / "runs" / RUN


def check(done: Done) -> Done:
    """The same, of a command that has done what it should."""
    assert done.returncode == 0, done.stderr
    return done
