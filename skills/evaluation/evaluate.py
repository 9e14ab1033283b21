"""The evaluation of a run: its skills, the nulls and the baselines, played and measured alike.

RUN/evaluation/
  own/               trials.npz, numbers.npz (the point estimate and the draws of each number)
  shuffled/ ...      a variant: config.json, manifest.json and its stages up to the policy, trials.npz, numbers.npz
  seed-2/            the same discovery with another seed (a run), with its own evaluation/ for its variants
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.choices import Unit
from skills.discovery import discover
from skills.errors import SkillsError
from skills.evaluation import variants
from skills.evaluation.contest import LAST, OWN, TRAINED, VERSION, Contest, Numbers, named, numbers_of
from skills.evaluation.together import Together
from skills.files import MAKE_AGAIN, read_arrays
from skills.measures import intervals
from skills.measures.intervals import Interval
from skills.measures.judged import ONLY, Measure, Number
from skills.playing.protocol import Protocol
from skills.progress import Notify, Reporter, unsaid
from skills.runs.folder import STAGES, RunFolder
from skills.settings.config import check_between
from skills.troubles import reading

_MOST_SEEDS, _MOST_TRIALS = 1000, 10_000  # a discovery each; of each skill, all of them in memory


def evaluate(
    run: RunFolder,
    *,
    against: Sequence[str],
    seeds: int = 1,
    behaviours: NDArray[np.integer] | None = None,
    unit: Unit = "seconds",
    trials: int = Protocol.trials,
    settings: Mapping[str, Any] | None = None,
    reporter: Reporter,
    notify: Notify,
    together: Together | None = None,
) -> dict[str, Any]:
    """Measures a finished run against nulls and baselines, writes it all to `measures.json` and returns that document.

    What was played and trained before is taken as it is. The caller holds `run.writing()`.

    against: names of `variants.NAMES`.   seeds: discovery seeds that the intervals are over, 1 or more.
    behaviours: [N] which behaviour made each row of the data: adds the ground truth. None: what the dataset says of
        it, if anything.   unit: what of the protocol is the same for all bodies.
    trials: of each skill, 2 or more.   settings: of measures, by dotted name, where not as usual.
    together: trains the other seeds, and then the nulls and baselines of each; None: one after the other.
    """
    run.require_skills("This evaluation")
    run.require(*STAGES)
    check_between("--seeds", seeds, 1, _MOST_SEEDS)
    check_between("--trials", trials, 2, _MOST_TRIALS)
    left_out = set(against) - set(against := variants.those_of(against, run.config))
    for name in left_out:
        notify(f"{name} is left out: {run.path} has no CVAEs to calibrate.")
    all_seeds = _seeded(run, seeds, reporter, notify, together)
    contests = [Contest(one, reporter, notify, unit, trials, settings) for one in all_seeds]
    if together is not None:
        together([one.variant(name) for one in contests for name in against if name in TRAINED], LAST)
    for contest in contests[1:]:
        contest.share(contests[0])
    if trials < intervals.FEWEST_TRIALS:
        notify(f"Of {trials} trials of each skill there are no intervals: they take {intervals.FEWEST_TRIALS} or more.")
    measures = contests[0].measures
    found = {name: numbers_of(name, contests, run.method(name), reporter) for name in (OWN, *against)}
    document = run.measures
    protocol = _protocol(contests[0], seeds) | ({"settings": dict(settings)} if settings else {})
    if document.get("protocol") != protocol:  # what it says of others was found in another way
        document = {name: document[name] for name in ("schema_version", "summary", "skills")}
    groups = {name: as_groups(numbers, measures) for name, numbers in found.items()}
    before = document.get("nulls", {}) | document.get("baselines", {})
    groups = {name: one for name, one in before.items() if set(one) == set(groups[OWN])} | groups
    document |= {
        "run": run.path.resolve().name,
        "protocol": protocol,
        "measures": _with_constants(groups[OWN], contests[0]),
        "nulls": {name: groups[name] for name in variants.NULLS if name in groups},
        "baselines": {name: groups[name] for name in variants.BASELINES if name in groups},
    }
    if behaviours is None:
        behaviours = contests[0].discovery.labels
    if behaviours is not None:
        document["truth"] = contests[0].truth(behaviours)
    for name, values in contests[0].of_skills().items():
        for skill, value in zip(document["skills"], values, strict=True):
            skill[name] = float(value)
    run.amend_measures(document)
    return dict(document)


def as_groups(numbers: Numbers, measures: Sequence[Measure[Any]]) -> dict[str, Any]:
    """{"fidelity": {"top1": {"value", "low", "high"}, ...}, "effective_skills": {"value", ...}, ...}."""
    bounds = {f"{one.name}.{number.name}": number for one in measures for number in one.numbers()}
    anything = Number("", lowest=-np.inf)
    return _grouped({name: _interval(values, bounds.get(name, anything)) for name, values in numbers.items()})


def changes(first: Numbers, other: Numbers) -> dict[str, Any]:
    """How another run's numbers differ from the first's, grouped likewise; the draws of two runs are independent."""
    shared = [name for name in first if name in other]
    return _grouped({name: intervals.interval(*_difference(first[name], other[name])) for name in shared})


def _interval(values: NDArray[np.float64], number: Number) -> Interval:
    """From the point estimate and the draws, within what the number can be."""
    return intervals.interval(values[0], values[1:], lowest=number.lowest, highest=number.highest)


def _difference(first: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    return float(other[0] - first[0]), other[1:] - first[1:]


def _grouped(found: Mapping[str, Interval]) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for name, number in found.items():
        group, _, inner = name.partition(".")
        if inner == ONLY:
            groups[group] = asdict(number)
        else:
            groups.setdefault(group, {})[inner] = asdict(number)
    return groups


def read_numbers(run: RunFolder) -> Numbers:
    """What `evaluate` found for a run's own skills. Raises: SkillsError with the command, where it has not been run."""
    run.require_skills("A comparison")
    path = run.method(OWN).numbers_file
    if not path.is_file():
        raise SkillsError(f"{run.path} has not been evaluated.", f"Do it: skills evaluate {run.path}")
    with reading(path, MAKE_AGAIN):
        arrays = read_arrays(path)
        arrays.pop("key")
        return arrays


def require_alike(runs: Sequence[RunFolder]) -> None:
    """Raises: SkillsError with what to do, where evaluated runs were not measured by the same protocol."""
    names = ["version", "settings", *(field.name for field in fields(Protocol))]
    noted = [run.measures.get("protocol") or {} for run in runs]
    protocols = [{name: protocol.get(name) for name in names} for protocol in noted]
    for run, protocol in zip(runs, protocols, strict=True):
        if protocol != protocols[0]:
            raise SkillsError(
                f"{run.path} was measured by another protocol than {runs[0].path}: {protocol}, not {protocols[0]}.",
                f"Evaluate both in the same way: skills evaluate {runs[0].path}; skills evaluate {run.path} "
                "(bodies with steps of other lengths: both with --protocol steps).",
            )


def _seeded(
    run: RunFolder, seeds: int, reporter: Reporter, notify: Notify, together: Together | None
) -> list[RunFolder]:
    """The run and the same discovery with the seeds that follow its own, brought to a policy each."""
    following = range(run.config.seed + 1, run.config.seed + seeds)
    folders = {seed: run.method(f"seed-{seed}").path for seed in following}
    if together is not None:
        configs = {seed: replace(run.config, seed=seed) for seed in following}
        together([variants.variant(run, folders[seed], config) for seed, config in configs.items()], LAST)
    found = [run]
    for seed, folder in folders.items():
        other = variants.variant(run, folder, replace(run.config, seed=seed))
        with other.writing():
            discover(other, source=run.source, reporter=named(f"seed {seed}", reporter), notify=unsaid, last=LAST)
        found.append(other)
    return found


def _with_constants(groups: dict[str, Any], contest: Contest) -> dict[str, Any]:
    """Adds what the measures are read against, such as chance."""
    for measure in contest.measures:
        for name, found in measure.against(contest.judge).items():
            groups[measure.name][name] = asdict(found)
    return groups


def _protocol(contest: Contest, seeds: int) -> dict[str, Any]:
    return {
        "version": VERSION,
        **asdict(contest.protocol),
        "seeds": seeds,
        "draws": intervals.DRAWS,
        "held_out": contest.judge_is_independent,
        "policy": contest.run.manifest["stages"]["policy"]["files"],
    }
