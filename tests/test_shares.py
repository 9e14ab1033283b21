"""CVAEs, labels and policies that processes share out: the bytes of one, on a real Ray of this machine and without."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import skills
from conftest import play_randomly
from interrupting import first_reports, interrupted_after
from small import NAME, QUICKLY, check, log

from skills.errors import ENVIRONMENT, USAGE
from skills.learning.classes import one_expert
from skills.learning.cvae.training import train, train_share
from skills.learning.engine.shares import Share, shares_of
from skills.learning.learners.reach import Reach
from skills.learning.matrix import Rewards
from skills.learning.rewards.clue import Clue
from skills.learning.rows import Members, standardised_rows
from skills.progress import silent, silent_reporter
from skills.runs.folder import STAGES, open_run

CPU = torch.device("cpu")
CONFIG = Clue(hidden=700, batch=256, iterations=4)  # so wide that each model is a block


@pytest.mark.parametrize("of", [2, 5])  # five: more than there are models
def test_shares_of_a_training_join_to_the_training(of: int, tmp_path: Path) -> None:
    transitions = play_randomly("Hopper-v5", episodes=4, steps=50)
    rows = standardised_rows(transitions, transitions.scaling)
    starts = torch.tensor([0, 20, 50, len(rows)])
    members = Members(torch.arange(len(rows)), starts)
    asked = rows, members, transitions.actions.shape[1], CONFIG

    def generator() -> torch.Generator:
        return torch.Generator().manual_seed(3)

    alone, joined = generator(), generator()
    whole = train(*asked, alone, tmp_path / "alone", silent)
    for number in range(of):
        assert not shares_of(tmp_path / "shared", "models")
        train_share(*asked, generator(), tmp_path / "shared", silent, Share(number, of))
    found = train(*asked, joined, tmp_path / "shared", silent)
    for name, tensor in whole.cvae.tensors().items():
        assert torch.equal(tensor, found.cvae.tensors()[name])
    for name, values in whole.curves.parts.items():
        assert values.isfinite().any()
        assert torch.equal(values.nan_to_num(-1.0), found.curves.parts[name].nan_to_num(-1.0))
    assert torch.equal(alone.get_state(), joined.get_state())


@pytest.mark.parametrize("of", [2, 5])  # five: more than there are blocks of policies
def test_shares_of_policies_join_to_the_policies(of: int, tmp_path: Path) -> None:
    transitions = play_randomly("Hopper-v5", episodes=4, steps=50)  # which falls
    labels = np.random.default_rng(0).uniform(size=(len(transitions), 7)).astype(np.float16)
    config = Reach(
        value_steps=20, value_hidden=40, common_steps=20, steps=30, hidden=700, batch=256, td_steps=5
    )  # fmt: skip

    def asked() -> tuple[Any, ...]:
        rewards = Rewards(labels, np.ones(7, np.float32))
        return transitions, one_expert(len(transitions), np.arange(9)), rewards, CPU, torch.Generator().manual_seed(3)

    config.train(*asked(), tmp_path / "alone", silent_reporter)
    shared = tmp_path / "shared"
    config.prepare("policies", *asked(), shared, silent_reporter)
    for number in range(of):
        assert not shares_of(shared, "policies")
        share = Share(number, of)
        if number == of - 1:
            with interrupted_after(10), pytest.raises(KeyboardInterrupt):
                config.make_share("policies", share, *asked(), shared, silent_reporter)
        config.make_share("policies", share, *asked(), shared, silent_reporter)
    begun: list[str] = []
    config.train(*asked(), shared, first_reports(begun.append))
    assert begun == []
    for name in config.files:
        assert (tmp_path / "alone" / name).read_bytes() == (shared / name).read_bytes()


@pytest.mark.parametrize(("pieces", "of"), [(7, 3), (2, 5), (0, 2), (6, 1)])
def test_every_piece_is_of_one_share(pieces: int, of: int) -> None:
    own = [range(pieces)[Share(number, of).slice(pieces)] for number in range(of)]
    assert [piece for one in own for piece in one] == list(range(pieces))
    assert max(map(len, own)) - min(map(len, own)) <= 1


def test_a_run_whose_rewards_are_shared_out_is_the_run(tmp_path: Path) -> None:
    check(skills(tmp_path, "data", "import", log(tmp_path / "hops.npz"), "--env", "Hopper-v5", "--name", NAME))
    wide = [f"{part}.{name}" for part in ("reward", "policy") for name in ("hidden=700", "batch=256")]
    settings = [("--set", one) for one in (*wide, "policy.value_steps=20", "policy.common_steps=5")]
    asked = (*QUICKLY, "--skills", 5, *(word for one in settings for word in one))
    check(skills(tmp_path, "discover", NAME, *asked, "--run", tmp_path / "alone"))
    done = check(skills(tmp_path, "discover", NAME, *asked, "--run", tmp_path / "shared", "--workers", 2))
    for what in ("models", "labels", "policies"):
        assert f"{what} 1 of 2: done" in done.stderr
        assert f"{what} 2 of 2: done" in done.stderr
    alone, shared = open_run(tmp_path / "alone"), open_run(tmp_path / "shared")
    shared.require(*STAGES)
    for stage in STAGES:
        assert shared.manifest["stages"][stage]["files"] == alone.manifest["stages"][stage]["files"]
    for folder in ("rewards", "policy"):
        names = [sorted(file.name for file in (run.path / folder).iterdir()) for run in (alone, shared)]
        assert names[0] == names[1]


@pytest.mark.parametrize(
    ("fleet", "words", "code"),
    [
        (("--workers", "dask"), "--workers 'dask' is no number.\nSay 100, or ray", USAGE),
        (("--workers", "0"), "--workers 0 is too small", USAGE),
        (("--workers", "-3"), "--workers -3 is too small", USAGE),
        (("--address", "127.0.0.1:1"), "Ray has not started at 127.0.0.1:1", ENVIRONMENT),
        (("--address", "nonsense"), "Ray has not started at nonsense", ENVIRONMENT),
    ],
)
def test_a_fleet_that_cannot_be_is_refused_before_anything_is_read_or_made(
    fleet: tuple[str, str], words: str, code: int, tmp_path: Path
) -> None:
    done = skills(tmp_path, "discover", "hopper-medium", *fleet)
    assert done.returncode == code
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_without_ray_nothing_is_read_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = skills(tmp_path, "discover", "hopper-medium", "--workers", "2")
    assert done.returncode == ENVIRONMENT
    assert "pip install ray pyyaml" in done.stderr
    assert not list(tmp_path.iterdir())
