"""Methods of skill discovery beside each other: the same data, rows, skills and judge, the same minutes.

runs/neighbours/
  halfcheetah-medium-clue/ ...    an ordinary run for each dataset and method
  notes/                          of each, how many updates it was given and what it took
  tried/                          runs whose pace is being measured, until the ordinary ones begin
  neighbours.json  .md            what is known so far, of all runs that are finished there
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skills import storage
from skills.choices import Device, Preset
from skills.data import catalog
from skills.discovery import discover
from skills.errors import USAGE, SkillsError, nearest
from skills.evaluation import pace, variants
from skills.evaluation.evaluate import evaluate
from skills.evaluation.reproduce import slug
from skills.files import clear_leftovers, read_json, replacing, write_json
from skills.memory import forget_peak, peak_memory
from skills.progress import Notify, Reporter
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create, open_run, runs_root
from skills.runs.layout import runs_in
from skills.settings.change import with_settings
from skills.settings.config import Config, check_between

SCHEMA_VERSION = 1
DOCUMENT, MARKDOWN = "neighbours.json", "neighbours.md"
_ASKED, _NOTES, _TRIED = "asked.json", "notes", "tried"
_WHOLE_EPISODES = 1000  # strides: a piece that is longer than any episode


@dataclass(frozen=True)
class Neighbour:
    """A method.   words: what it is.   maker, learner: by name.   features, strides: what classes are cut by."""

    words: str
    features: str
    learner: str
    maker: str = "clue"
    strides: int | None = None


METHODS: dict[str, Neighbour] = {
    "clue": Neighbour("classes of steps, CLUE's rewards, IQL: the paper's", "step", "iql"),
    "behaviours": Neighbour("classes of behaviours, CLUE's rewards, reach", "behaviour", "reach"),
    "indicator": Neighbour("classes of steps, 1 in the class and 0 elsewhere, IQL", "step", "iql", "indicator"),
    "smore": Neighbour("classes of steps, SMORe's score of being in them", "step", "smore"),
    "hilp": Neighbour("classes of steps, HILP's directions towards them, IQL", "step", "iql", "hilp"),
    "bc": Neighbour("classes of steps, cloned", "step", "bc"),
    "bc-behaviours": Neighbour("classes of behaviours, cloned", "behaviour", "bc"),
    "pg-kmeans": Neighbour("PG-Kmeans on whole episodes, cloned: its paper's", "policy", "bc", strides=_WHOLE_EPISODES),
    "pg-kmeans-windows": Neighbour("PG-Kmeans on pieces of two strides, cloned", "policy", "bc", strides=2),
}

# What the table shows: (group, number in it, heading, digits); None: the group's only.
COLUMNS: tuple[tuple[str, str | None, str, int], ...] = (
    ("fidelity", "top1", "fidelity", 3),
    ("fidelity", "top5", "top 5", 3),
    ("reach_and_hold", "reached", "reached", 2),
    ("reach_and_hold", "held", "held", 2),
    ("reach_and_hold", "dwell", "dwell, s", 2),
    ("occupancy", "median_ratio", "occupancy", 2),
    ("effective_skills", None, "effective", 1),
    ("distinct", None, "distinct", 0),
    ("coverage", "recall", "recall", 3),
    ("coverage", "precision", "precision", 3),
)
HEADINGS = ("dataset", "method", *(column[2] for column in COLUMNS), "recovered", "updates", "minutes", "memory, GB")


@dataclass(frozen=True)
class Asked:
    """What all runs of a table share.

    minutes: of a core, to learn in, classes and rewards included (`pace`).
    skills: of each, None where they are the preset's.   trials: of each skill.
    settings: any by dotted name, of those that have them.
    """

    minutes: float
    preset: Preset
    skills: int | None
    seed: int
    trials: int
    device: Device
    settings: Mapping[str, Any] = field(default_factory=dict)


def default_folder() -> Path:
    """Where the runs go unless told otherwise."""
    return runs_root() / "neighbours"


def choose(names: Sequence[str]) -> list[str]:
    """The methods of some names, all of none. Raises: SkillsError (usage) for an unknown one."""
    for name in names:
        if name not in METHODS:
            raise SkillsError(f"Unknown method {name!r}.", nearest(name, list(METHODS)), USAGE)
    return list(names) or list(METHODS)


def config_of(dataset: str, name: str, asked: Asked) -> Config:
    """The configuration of a method, with as many updates as the preset has."""
    method = METHODS[name]
    config = make_config(
        dataset,
        preset=asked.preset,
        skills=asked.skills,
        seed=asked.seed,
        device=asked.device,
        maker=method.maker,
        learner=method.learner,
        set={"experts.features": method.features}
        | ({} if method.strides is None else {"experts.strides": method.strides}),
    )
    own = config.to_json()
    known = {f"{stage}.{name}" for stage, settings in own.items() if isinstance(settings, dict) for name in settings}
    return with_settings(config, {name: value for name, value in asked.settings.items() if name in known})


def run_all(
    datasets: Sequence[str], methods: Sequence[str], asked: Asked, folder: Path, reporter: Reporter, notify: Notify
) -> list[str]:
    """Brings every method on every dataset to its measures, and writes the table after each.

    Returns: a line for each that could not be finished; the others are made all the same.
    Raises: SkillsError (usage) where the folder holds a table that was asked for otherwise.
    """
    check_between("--minutes", asked.minutes, 0.001)
    for dataset in datasets:
        catalog.resolve(dataset)
    configs = {(dataset, name): config_of(dataset, name, asked) for dataset in datasets for name in methods}
    _check_same(folder, asked)
    failures = []
    for (dataset, name), config in configs.items():
        notify(f"{name} on {dataset}: {METHODS[name].words}")
        try:
            cell = f"{slug(dataset)}-{name}"
            run = _begun(folder, cell, config, asked, reporter, notify)
            _finish(run, _note(folder, cell), asked, reporter, notify)
        except SkillsError as error:
            failures.append(f"{dataset}, {name}: {error.message}")
            notify(failures[-1])
        write_table(folder)
    return failures


def _check_same(folder: Path, asked: Asked) -> None:
    """Notes in a folder what was asked for. Raises: SkillsError (usage) where it was something else."""
    note, said = folder / _ASKED, {**asdict(asked), "settings": dict(asked.settings)}
    clear_leftovers(folder)
    if not note.is_file():
        write_json(note, said)
        return
    known = read_json(note)
    for name, value in said.items():
        if known.get(name) != value:
            raise SkillsError(
                f"{folder} holds a table with {name} {known.get(name)}, not {value}.",
                "Name another folder with --out, or ask for the same.",
                USAGE,
            )


def _note(folder: Path, cell: str) -> Path:
    return folder / _NOTES / f"{cell}.json"


def _begun(folder: Path, cell: str, config: Config, asked: Asked, reporter: Reporter, notify: Notify) -> RunFolder:
    """The run of a method, with the updates that there are minutes for; its classes and rewards are there."""
    path, tried, note = folder / cell, folder / _TRIED / cell, _note(folder, cell)
    if note.is_file() and not tried.is_dir():
        return open_run(path)
    trial = open_or_create(tried, config)
    with trial.writing():
        if not note.is_file():
            forget_peak()
            found = asdict(pace.find(trial, asked.minutes, reporter, notify))
            write_json(note, found | {"memory": peak_memory()})
    updates = read_json(note)["updates"]
    paced = with_settings(config, {f"policy.{setting}": count for setting, count in updates.items()})
    run = variants.variant(trial, path, paced)
    storage.remove(tried)
    return run


def _finish(run: RunFolder, note: Path, asked: Asked, reporter: Reporter, notify: Notify) -> None:
    """Learns, plays and measures, as far as that is not done."""
    watch = pace.Watch(reporter, pace.clock_of(run.config))
    with run.writing():
        if "seconds" not in read_json(note):
            forget_peak()
            discover(run, source="auto", reporter=watch, notify=notify, last="policy")
            write_json(note, _took(run, watch, read_json(note)))
        discover(run, source="auto", reporter=reporter, notify=notify)
        if run.measures.get("protocol", {}).get("trials") != asked.trials:
            evaluate(run, against=(), trials=asked.trials, reporter=reporter, notify=notify)


def _took(run: RunFolder, watch: pace.Watch, known: Mapping[str, Any]) -> dict[str, Any]:
    """The note with the seconds of learning, and the most memory.

    Where it was interrupted they are those of all updates, at the pace of the ones that were watched.
    """
    counts, seconds = list(pace.lengths(run.config).values()), watch.seconds(run.config)
    learned = sum(each * count for each, count in zip(seconds, counts, strict=False))
    if len(seconds) < len(counts) or not all(seconds):  # too few to tell: what the last go took
        learned = run.manifest["stages"]["policy"]["seconds"]
    memory = [found for found in (known["memory"], peak_memory()) if found is not None]
    return {**known, "seconds": known["prepared"] + learned, "memory": max(memory, default=None)}


def write_table(folder: Path) -> dict[str, Any]:
    """Writes the document and the page of what is finished in a folder; returns the document."""
    found = document(folder)
    write_json(folder / DOCUMENT, found)
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    lines += [f"| {' | '.join(cells(row))} |" for row in found["rows"]]
    said = [f"- {name}: {method.words}" for name, method in METHODS.items()]
    with replacing(folder / MARKDOWN) as temporary:
        temporary.write_text("\n".join([*lines, "", about(found), "", *said, ""]), encoding="utf-8")
    return found


def document(folder: Path) -> dict[str, Any]:
    """Every finished run's numbers, with intervals, and what it took."""
    rows = []
    for run in map(open_run, runs_in(folder)):
        name = run.path.name.removeprefix(f"{slug(run.config.dataset)}-")
        note = _note(folder, run.path.name)
        if name in METHODS and note.is_file() and "measures" in run.finished_stages() and "protocol" in run.measures:
            rows.append(_row(name, run, read_json(note)))
    order = list(METHODS)
    rows.sort(key=lambda row: (row["dataset"], order.index(row["method"])))
    return {"schema_version": SCHEMA_VERSION, "asked": read_json(folder / _ASKED), "rows": rows}


def _row(name: str, run: RunFolder, took: Mapping[str, Any]) -> dict[str, Any]:
    measures = run.measures
    return {
        "dataset": run.config.dataset,
        "method": name,
        "run": run.path.name,
        "skills": run.config.heads,
        "measures": measures["measures"],
        "truth": measures.get("truth"),
        "updates": pace.lengths(run.config),
        "minutes": took["seconds"] / 60.0,
        "memory_gb": None if took["memory"] is None else took["memory"] / 1e9,
        "held_out": measures["protocol"]["held_out"],
    }


def cells(row: Mapping[str, Any]) -> list[str]:
    """A row as text, under `HEADINGS`."""
    found = [row["dataset"], row["method"]]
    for group, inner, _, digits in COLUMNS:
        number = row["measures"].get(group, {})
        found.append(_number(number if inner is None else number.get(inner), digits))
    recovered = "-" if row["truth"] is None else f"{row['truth']['recovered']:.0%}"
    updates = " + ".join(f"{count:,}" for count in row["updates"].values())
    memory = "-" if row["memory_gb"] is None else f"{row['memory_gb']:.2f}"
    return [*found, recovered, updates, f"{row['minutes']:.1f}", memory]


def _number(found: Mapping[str, float | None] | None, digits: int) -> str:
    return "-" if found is None or found["value"] is None else f"{found['value']:.{digits}f}"


def about(found: Mapping[str, Any]) -> str:
    """What the table's rows share, in a sentence."""
    asked = found["asked"]
    return (
        f"Each method had {asked['minutes']:g} minutes of a core to cut classes, make rewards and learn (preset "
        f"{asked['preset']}, seed {asked['seed']}); {asked['trials']} trials of each skill from the same starts. "
        "Fidelity, reached, held, dwell and occupancy are of each method's own classes: higher of coarse ones. "
        "Effective, distinct, recall, precision and recovered know no classes. Memory: the most that the process held "
        "while it learned."
    )
