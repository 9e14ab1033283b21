"""The whole evaluation of a tiny real run: its document, what is kept, what is made again, who is measured on what."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY_STAGES
from typer.testing import CliRunner

from skills.cli.ablate import COLUMNS, What, draw, table
from skills.cli.app import app
from skills.cli.evaluate import verdicts
from skills.data import sources
from skills.discovery import discover, read_data
from skills.errors import INTERRUPTED, NOT_FOUND, USAGE, SkillsError
from skills.evaluation import ablate, contest, variants
from skills.evaluation.evaluate import evaluate, read_numbers
from skills.learning import behaviours
from skills.learning.classes import Classes
from skills.measures import intervals
from skills.measures.intervals import every_trial
from skills.measures.judged import rows
from skills.playing.trials import Trials
from skills.progress import silent_reporter
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create, open_run
from skills.settings.config import DataConfig

K, ROWS_OF_DATA = 4, 3000
TINY = {"skills": K, "data": DataConfig(steps=ROWS_OF_DATA), **TINY_STAGES}
ANY = ("shuffled", "clone", "segments", "bc_per_class", "uncalibrated", "replay")


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, patched: pytest.MonkeyPatch) -> RunFolder:
    """A finished tiny run of a hopper, whose episodes are short."""
    root = tmp_path_factory.mktemp("evaluate")
    patched.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
    patched.setattr(intervals, "DRAWS", 50)
    config = replace(make_config("hopper-medium", preset="smoke"), **TINY)
    opened = open_or_create(root / "runs" / "tiny", config)
    with opened.writing():
        discover(opened, source="auto", reporter=silent_reporter, notify=print)
    return opened


@pytest.fixture(autouse=True)
def _its_folders(run: RunFolder, monkeypatch: pytest.MonkeyPatch, _own_folders: None) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(run.path.parents[1] / "minari"))
    monkeypatch.setenv("SKILLS_RUNS", str(run.path.parent))


@pytest.fixture(scope="module")
def document(run: RunFolder) -> dict:
    """The evaluation against everything, made once."""
    return assess(run, ANY)


def assess(run: RunFolder, against: tuple[str, ...], **options) -> dict:
    with run.writing():
        return evaluate(run, against=against, reporter=silent_reporter, notify=print, **options)


def is_number(found: dict) -> bool:
    if set(found) != {"value", "low", "high"}:
        return False
    return found["value"] is None or found["low"] <= found["value"] <= found["high"]


def test_the_document_has_the_six_measures_of_everybody(run, document):
    assert document == json.loads(run.measures_file.read_text())
    assert set(document["nulls"]) == {"shuffled", "clone", "segments"}
    assert set(document["baselines"]) == {"bc_per_class", "uncalibrated", "replay"}
    for groups in (document["measures"], *document["nulls"].values(), *document["baselines"].values()):
        for row in rows(document):
            assert is_number(row.read(groups)), row
    assert document["measures"]["fidelity"]["chance"]["value"] == 1 / K
    assert is_number(document["measures"]["quality"]["data"])
    assert 1 <= document["measures"]["effective_skills"]["value"] <= K
    assert document["measures"]["transfer"]["+y"]["value"] is None  # a hopper has no sideways
    assert document["protocol"]["held_out"] is True
    fidelities = [skill["fidelity"] for skill in document["skills"]]
    assert np.mean(fidelities) == pytest.approx(document["measures"]["fidelity"]["top1"]["value"])
    assert "occupancy_ratio_median" in document["summary"]


def test_the_run_is_still_finished_and_what_was_made_is_kept(run, document):
    assert run.is_done("measures")
    before = {path: path.stat().st_mtime_ns for path in (run.path / "evaluation").rglob("*") if path.is_file()}
    assert assess(run, ()) == document  # nulls found before stay in the document
    assert assess(run, ANY) == document
    for path, time in before.items():
        if path.name not in (".lock", "manifest.json"):
            assert path.stat().st_mtime_ns == time, path


def test_variants_share_what_is_the_same_and_no_more(run, document):
    folder = run.path / "evaluation"
    classes = run.experts_file.read_bytes()
    assert (folder / "uncalibrated" / "experts.npz").read_bytes() == classes
    assert (folder / "bc_per_class" / "experts.npz").read_bytes() == classes
    assert not (folder / "bc_per_class" / "rewards").exists()
    ours, theirs = Classes.load(run.experts_file), Classes.load(folder / "shuffled" / "experts.npz")
    assert (theirs.sizes == ours.sizes).all()
    assert (theirs.labels != ours.labels).mean() > 0.5
    assert (theirs.centroids == ours.centroids).all()


def test_trials_that_are_gone_are_played_again_to_the_byte(run, document):
    trials = run.path / "evaluation" / "clone" / "trials.npz"
    before = trials.read_bytes()
    trials.unlink()
    assert assess(run, ("clone",)) == document
    assert trials.read_bytes() == before


def test_further_seeds_are_further_discoveries(run, document):
    found = assess(run, (), seeds=2)
    assert found["protocol"]["seeds"] == 2
    assert found["nulls"] == {}  # they were measured over one seed
    assert "truth" not in found
    other = Classes.load(run.path / "evaluation" / "seed-2" / "experts.npz")
    assert (other.labels != Classes.load(run.experts_file).labels).any()
    assert assess(run, ANY)["protocol"]["seeds"] == 1


def test_more_trials_are_played_and_measured(run, document):
    found = assess(run, ("segments",), trials=4)
    assert found["protocol"]["trials"] == 4
    assert set(found["nulls"]) == {"segments"}  # the others were measured over ten
    with pytest.raises(SkillsError, match="--trials 1 is too small") as caught:
        assess(run, (), trials=1)
    assert caught.value.exit_code == USAGE
    assert assess(run, ANY) == document


def test_of_two_trials_nothing_is_said_to_be_apart(run, document):
    said: list[str] = []
    with run.writing():
        found = evaluate(run, against=("segments",), trials=2, reporter=silent_reporter, notify=said.append)
    assert said == ["Of 2 trials of each skill there are no intervals: they take 4 or more."]
    for groups in (found["measures"], found["nulls"]["segments"]):
        numbers = [row.read(groups) for row in rows(found)]
        assert all(number["low"] is None and number["high"] is None for number in numbers)
        assert any(number["value"] is not None for number in numbers)
    assert "Above segments, intervals apart: not told, there are no intervals" in verdicts(found)
    assert assess(run, ANY) == document


def test_other_held_out_rows_make_another_judge(run, document, monkeypatch):
    """As when a dataset has grown: what was measured by the judge of fewer rows is measured again."""
    monkeypatch.setattr(contest, "_HELD_ROWS", 600)
    fewer = assess(run, ANY)
    assert fewer["measures"]["fidelity"] != document["measures"]["fidelity"]
    assert fewer["measures"]["quality"]["best"] == document["measures"]["quality"]["best"]  # of returns, by no judge
    monkeypatch.undo()
    monkeypatch.setattr(intervals, "DRAWS", 50)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(run.path.parents[1] / "minari"))
    assert assess(run, ANY) == document


def test_behaviours_that_are_known_are_looked_for(run, document):
    labels = Classes.load(run.experts_file).labels
    truth = assess(run, (), behaviours=labels)["truth"]
    assert truth["ari"] == 1.0
    assert [one["behaviour"] for one in truth["behaviours"]] == list(range(K))
    own = truth["inferred"]
    assert own["number"] == behaviours.find(read_data(run, "auto", silent_reporter, print), run.config.seed).count
    assert set(own) == {"number", "ari", "nmi", "seconds"}
    assert 0 <= truth["recovered"] <= 1


def test_behaviours_keep_their_numbers_and_those_without_a_row_are_no_part_of_it(run, document, tmp_path):
    labels = Classes.load(run.experts_file).labels
    numbers = np.array([7, -1, 12, 3])
    plain = assess(run, (), behaviours=labels)["truth"]
    truth = assess(run, (), behaviours=numbers[labels])["truth"]
    assert [one["behaviour"] for one in truth["behaviours"]] == [-1, 3, 7, 12]
    assert truth["recovered"] == plain["recovered"]
    shares = {int(numbers[one["behaviour"]]): one["share"] for one in plain["behaviours"]}
    assert {one["behaviour"]: one["share"] for one in truth["behaviours"]} == shares
    longer = np.append(numbers[labels], [40, 41])  # of rows that discovery never read
    np.save(tmp_path / "behaviours.npy", longer)
    done = json.loads(command("evaluate", run.path, "--behaviours", tmp_path / "behaviours.npy", "--json", "-q"))
    for one in (done["truth"], truth):
        del one["inferred"]["seconds"]  # of another time
    assert done["truth"] == truth


@pytest.mark.filterwarnings("error")  # a probability of 0 is none of the reader's business
def test_how_far_off_the_data_a_body_is_does_not_count_in_range(run, document):
    found = contest.Contest(run, silent_reporter, print)
    trials = Trials.load(found.trials(contest.OWN))

    def diversity_of(off: float) -> tuple[float, float]:
        observations = trials.observations.copy()
        observations[0] += off  # all of one skill's trials are where no data are
        numbers = found.statistic(replace(trials, observations=observations))(every_trial(*trials.shape))
        return numbers["diversity.ratio"], numbers["diversity.in_range"]

    (near, near_in_range), (far, far_in_range) = diversity_of(1e3), diversity_of(1e6)
    assert far > 100 * near
    assert far_in_range == pytest.approx(near_in_range, rel=0.05)


def test_a_dataset_without_further_rows_is_halved_and_that_is_said(run, monkeypatch):
    one = contest.Contest(run, silent_reporter, print)
    whole = one.discovery
    monkeypatch.setattr(sources, "load", lambda *_, **__: whole)
    said: list[str] = []
    held, independent = contest.held_out(run, one.discovery, silent_reporter, said.append)
    assert not independent
    assert "did not see" in said[0]
    assert len(held.episode_starts) == -(-len(one.discovery.episode_starts) // 2)
    assert (held.observations[0] == one.discovery.observations[0]).all()


def test_names_of_variants():
    assert variants.choose("all") == variants.NAMES
    assert variants.choose("none") == ()
    assert variants.choose("replay, shuffled") == ("shuffled", "replay")
    with pytest.raises(SkillsError, match="Unknown null or baseline 'clones'") as caught:
        variants.choose("clones")
    assert caught.value.exit_code == USAGE


def command(*arguments: object) -> str:
    """What a command prints. Raises: what it raises."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return done.stdout


def test_evaluate_prints_the_table_and_the_verdicts(run, document):
    shown = command("evaluate", run.path, "--against", "all", "-q")
    for word in ("effective skills", "bc_per_class", "Above segments", "Chance: fidelity 0.25"):
        assert word in shown
    printed = json.loads(command("evaluate", run.path, "--against", "none", "--json", "-q"))
    printed.pop("truth", None)  # of another test
    assert printed == document


def test_behaviours_come_from_a_file_that_fits(run, document, tmp_path):
    file = tmp_path / "behaviours.npy"
    np.save(file, np.repeat([5, 9], ROWS_OF_DATA))
    assert "ARI" in command("evaluate", run.path, "--against", "none", "--behaviours", file, "-q")
    np.save(file, np.zeros(7))
    with pytest.raises(SkillsError, match="a whole number for each of the run's 3000 rows"):
        command("evaluate", run.path, "--behaviours", file)
    with pytest.raises(SkillsError, match="no file") as caught:
        command("evaluate", run.path, "--behaviours", tmp_path / "none.npy")
    assert caught.value.exit_code == NOT_FOUND


def test_a_run_compared_with_itself_does_not_differ(run, document):
    found = json.loads(command("compare", run.path, run.path, "--json"))
    assert found["runs"][0]["measures"]["fidelity"]["top1"] == {
        name: document["measures"]["fidelity"]["top1"][name] for name in ("value", "low", "high")
    }
    for group in found["differences"][0]["measures"].values():
        for number in [group] if "value" in group else group.values():
            assert number["value"] is None or number["low"] <= 0 <= number["high"]
    assert "tiny - tiny" in command("compare", run.path, run.path)


def test_compare_needs_two_runs_that_have_been_evaluated(run, document, tmp_path):
    with pytest.raises(SkillsError, match="One run"):
        command("compare", run.path)
    bare = open_or_create(tmp_path / "bare", run.config)
    with pytest.raises(SkillsError, match="not been evaluated") as caught:
        read_numbers(bare)
    assert "skills evaluate" in caught.value.hint


def test_ablations_are_the_papers_unless_told_otherwise(run):
    def names(what: str, *values: float) -> list[str]:
        return [case.name for case in ablate.cases(what, run.config, ROWS_OF_DATA, values)]

    assert set(What.__args__) == set(ablate.VALUES)
    assert names("temperature") == [f"c-{value}" for value in range(1, 11)]
    assert names("data") == ["5-percent", "10-percent", "15-percent", "20-percent", "25-percent"]
    assert names("calibration", 0.2) == ["lambda-0.2-sample", "lambda-0.2-expected"]
    assert ablate.cases("data", run.config, ROWS_OF_DATA, [10])[0].config.data.steps == 300
    for what, value in (("data", 101.0), ("temperature", 0.0), ("calibration", -1.0)):
        with pytest.raises(SkillsError, match=what):
            ablate.cases(what, run.config, ROWS_OF_DATA, [value])


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"learner": "bc"}, "by bc from none"), ({"maker": "indicator"}, "by reach from indicator")],
)
def test_what_is_not_clues_has_no_calibration_to_change(asked, said):
    config = make_config("ant-medium", **asked)
    for what in ("calibration", "temperature"):
        with pytest.raises(SkillsError, match=said) as refused:
            ablate.cases(what, config, ROWS_OF_DATA)
        assert refused.value.exit_code == USAGE
    assert len(ablate.cases("data", config, ROWS_OF_DATA)) == 5
    assert variants.those_of(ANY, config) == tuple(name for name in ANY if name != "uncalibrated")
    assert variants.those_of(ANY, make_config("ant-medium")) == ANY


def test_an_ablation_is_drawn_without_the_numbers_that_a_run_has_not(tmp_path):
    measures: dict = {}
    for group, inner, *_ in COLUMNS:
        number = {"value": None if group == "reward_auc" else 0.5, "low": None, "high": None}
        measures.setdefault(group, {}).update(number if inner is None else {inner: number})
    document = {"run": "r", "varies": "percent", "cases": [{"case": "5-percent", "measures": measures}]}
    draw(document, tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").is_file()
    assert [str(cell) for cell in table(document).columns[1].cells] == ["-"]


def test_ablate_makes_a_table_and_a_plot(run, document):
    shown = command("ablate", "temperature", run.path, "--values", "1,5", "-q")
    assert "c-5" in shown
    assert "reward AUC" in shown
    plot = Path(shown.splitlines()[-1])
    first = plot.read_bytes()
    assert first.startswith(b"<?xml")
    again = json.loads(command("ablate", "temperature", run.path, "--values", "1,5", "-q", "--json"))
    assert plot.read_bytes() == first
    base, hotter = again["cases"]
    # c = 1 is the run itself.
    assert base["measures"]["occupancy"] == document["measures"]["occupancy"]
    assert is_number(hotter["measures"]["reward_auc"]["median"])


def test_an_ablation_takes_what_the_run_and_its_variants_have_learned(run, document):
    trained = []

    def reporter(task: str, unit: str):
        trained.append(task)
        return silent_reporter(task, unit)

    cases = ablate.cases("calibration", run.config, ROWS_OF_DATA)
    chosen = [case for case in cases if case.name in ("lambda-0-expected", "lambda-0.1-expected")]
    with run.writing():
        ablate.ablate(run, chosen, "calibration", reporter, print)
    assert not [task for task in trained if "training" in task]
    folder = run.path / "evaluation"
    shutil.rmtree(folder / "ablation-calibration" / "lambda-0-expected")
    (folder / "uncalibrated" / "policy" / "weights.safetensors").rename(folder / "away")
    with run.writing():  # what is no longer there is learned again
        ablate.ablate(run, chosen, "calibration", reporter, print)
    assert [task for task in trained if "training" in task]
    (folder / "away").rename(folder / "uncalibrated" / "policy" / "weights.safetensors")
    for ours, theirs in (("lambda-0-expected", folder / "uncalibrated"), ("lambda-0.1-expected", run.path)):
        for name in ("rewards/labels.f16", "policy/weights.safetensors"):
            assert (folder / "ablation-calibration" / ours / name).read_bytes() == (theirs / name).read_bytes()


def test_the_rewards_of_a_learner_that_reads_none_are_not_taken(run, document, tmp_path):
    cloned = open_run(run.path / "evaluation" / "bc_per_class")
    other = open_or_create(tmp_path / "other", replace(run.config, data=cloned.config.data))
    other.record_dataset(run.manifest["dataset"])
    variants._begin_with(other, cloned)
    assert other.finished_stages() == ["experts"]


def test_the_protocol_in_steps_is_another_measurement(run, document):
    found = assess(run, ("segments",), unit="steps")
    assert (document["protocol"]["steps"], found["protocol"]["steps"]) == (800, 200)
    assert (document["protocol"]["window"], found["protocol"]["window"]) == (200, 32)
    assert list(found["nulls"]) == ["segments"]
    assert found["measures"]["quality"] == document["measures"]["quality"]  # whole episodes either way
    assert found["measures"]["coverage"] != document["measures"]["coverage"]
    other = run.path.with_name("other")
    shutil.copytree(run.path, other)
    assert assess(run, ANY) == document
    with pytest.raises(SkillsError, match="another protocol") as caught:
        command("compare", run.path, other)
    assert "skills evaluate" in caught.value.hint
    shutil.rmtree(other)


def test_an_interrupted_evaluation_names_the_command_that_continues_it(run, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("skills.evaluation.evaluate.evaluate", stop)
    with pytest.raises(SkillsError, match="Interrupted") as caught:
        command("evaluate", run.path, "--against", "replay,clone", "--seeds", "2", "-q")
    assert caught.value.hint.endswith(f"{run.path} --against clone,replay --seeds 2")
    assert caught.value.exit_code == INTERRUPTED
