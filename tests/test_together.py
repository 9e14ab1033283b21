"""Tables and evaluations whose runs a fleet trains: a real Ray here, and the bytes of one run after the other."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from commands import skills
from small import RUN, check, finished

from skills.errors import USAGE
from skills.evaluation import paper
from skills.evaluation.reproduce import Settings, run_all
from skills.evaluation.together import on_fleet
from skills.fleet import Fleet
from skills.progress import silent_reporter
from tests.torture.same import differences, digests

DATASET = "hopper-random"
EVALUATION = ("--against", "clone,replay", "--seeds", 2, "--trials", 2, "--quiet")


def test_an_evaluation_on_a_fleet_is_the_evaluation(tmp_path: Path) -> None:
    finished(tmp_path)
    shutil.copytree(tmp_path / "runs", tmp_path / "other" / "runs")
    shutil.copytree(tmp_path / "minari", tmp_path / "other" / "minari")
    check(skills(tmp_path, "evaluate", RUN, *EVALUATION))
    check(skills(tmp_path / "other", "evaluate", RUN, *EVALUATION, "--workers", 2))
    alone, together = (digests(folder / "runs" / RUN / "evaluation") for folder in (tmp_path, tmp_path / "other"))
    assert any(name.startswith("seed-2/evaluation/clone/policy") for name in together)
    assert differences(alone, together) is None


def test_a_table_on_a_fleet_is_the_table(tmp_path: Path) -> None:
    table = replace(paper.table("table3"), datasets=(DATASET,), columns=("bc", "sqil"))
    settings = Settings("smoke", seeds=2, seed=1, device="cpu", steps=40, expert="hopper-medium")
    said: list[str] = []
    together = on_fleet(Fleet(workers=2), silent_reporter, said.append)
    for folder, by in ((tmp_path / "together", together), (tmp_path / "alone", None)):
        failures = run_all(table, [DATASET], ["bc", "sqil"], settings, folder, silent_reporter, lambda line: None, by)
        assert failures == []
    assert sorted(line for line in said if line.endswith(": done")) == [
        f"{DATASET}-bc: done",
        f"{DATASET}-sqil: done",
    ]
    for method in ("bc", "sqil"):
        one, other = (tmp_path / place / f"{DATASET}-{method}" for place in ("alone", "together"))
        assert differences(digests(one), digests(other)) is None


@pytest.mark.parametrize("command", [("reproduce", "table3"), ("evaluate",)])
def test_there_are_one_or_more_workers(command: tuple[str, ...], tmp_path: Path) -> None:
    if command == ("evaluate",):
        finished(tmp_path)
    done = skills(tmp_path, *command, "--workers", 0)
    assert done.returncode == USAGE
    assert "--workers" in done.stderr
