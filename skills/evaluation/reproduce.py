"""The paper's tables, run on whatever data there is: our scores, to stand beside the published ones.

    runs/reproduce-table3/
      halfcheetah-medium-clue/ ...    an ordinary run for each dataset and method
      table.json  table.md            what is known so far, of all runs that are finished there

Letters: S seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skills.bodies.environments import ENVIRONMENTS, EPISODE_STEPS
from skills.choices import Device, Mode, Preset
from skills.data import catalog, sources
from skills.discovery import discover
from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.evaluation import paper
from skills.evaluation.paper import Table
from skills.evaluation.table_page import markdown
from skills.evaluation.together import Together
from skills.files import clear_leftovers, replacing, write_json
from skills.measures.intervals import Interval, student
from skills.progress import Notify, Reporter
from skills.runs.configure import make_config
from skills.runs.folder import STAGES, RunFolder, open_or_create, open_run, runs_root
from skills.runs.layout import runs_in
from skills.settings.config import EXPERT_FILES, Config

SCHEMA_VERSION = 2
DOCUMENT, MARKDOWN = "table.json", "table.md"
D4RL_STEPS = 1_000_000  # of a set there, of which a part is taken where a preset takes all


@dataclass(frozen=True)
class Settings:
    """What all runs of a table share.

    seeds: S, trained stacked.   steps: of the learner, None where they are the preset's.   expert: in imitation the
    dataset or file that it comes from, None where it is the body's expert set.
    """

    preset: Preset
    seeds: int
    seed: int
    device: Device
    steps: int | None = None
    expert: str | None = None


def default_folder(name: str) -> Path:
    """Where the runs of a table or a figure go unless told otherwise."""
    return runs_root() / f"reproduce-{name}"


def available(datasets: Sequence[str]) -> list[str]:
    """Those that are on this machine or can be made on it; nothing is downloaded.

    Raises: SkillsError (not found) where there are none, or a name is unknown.
    """
    entries = {name: catalog.resolve(name) for name in datasets}
    found = [name for name, entry in entries.items() if _is_here(entry)]
    if not found:
        played = [name for name, entry in entries.items() if _is_played(entry)]
        raise SkillsError(
            f"None of these datasets is on this machine or can be made here: {', '.join(datasets)}.",
            f"Download one: skills data download {played[0]}"
            if played
            else f"What is learned from them could not be played: bodies here are {', '.join(ENVIRONMENTS)}.",
            NOT_FOUND,
        )
    return found


def check_datasets(table: Table, datasets: Sequence[str]) -> None:
    """Raises: SkillsError (usage) for a dataset that other tables have, and this one has not."""
    for name in datasets:
        others = paper.tables_with(name)
        if others and table.name not in others:
            raise SkillsError(
                f"{table.name} has no {name}: {table.title}.",
                f"It is in {', '.join(others)}. Run: skills reproduce {others[0]} --datasets {name}",
                USAGE,
            )


def _is_played(entry: catalog.Entry) -> bool:
    return entry.env_id is None or entry.env_id in ENVIRONMENTS


def _is_here(entry: catalog.Entry) -> bool:
    if not _is_played(entry):
        return False
    try:
        return sources.choose(entry, offline=True) != "remote"
    except SkillsError:
        return False


def run_all(
    table: Table,
    datasets: Sequence[str],
    methods: Sequence[str],
    settings: Settings,
    folder: Path,
    reporter: Reporter,
    notify: Notify,
    together: Together | None = None,
) -> list[str]:
    """Brings the runs of a table to their end, a dataset after the other, and writes the table after each run.

    together: brings the runs to their end first; None: nobody does.
    Returns: a line for each run that could not be finished; the others are made all the same.
    Raises: SkillsError (usage) for an unknown method, or where a folder holds a run with other settings.
    """
    configs = {(dataset, name): config_of(table, dataset, name, settings) for dataset in datasets for name in methods}
    failures = []
    paths = {key: folder / f"{slug(key[0])}-{key[1]}" for key in configs}
    bring_all({paths[key]: config for key, config in configs.items()}, STAGES[-1], together)
    for (dataset, name), config in configs.items():
        path = paths[dataset, name]
        failures += finish(path, config, f"{table.name}: {name} on {dataset}", f"{dataset}, {name}", reporter, notify)
        write_table(table, methods, folder)
    return failures


def bring_all(runs: Mapping[Path, Config], last: str, together: Together | None) -> None:
    """Has runs brought to a stage's end at once, where there is somebody for it."""
    if together is not None:
        together([open_or_create(path, config) for path, config in runs.items()], last)


def finish(
    path: Path, config: Config, task: str, name: str, reporter: Reporter, notify: Notify, last: str = STAGES[-1]
) -> list[str]:
    """Brings a run to a stage's end; a line, under the name, of what has kept it from it, if anything has.

    Raises: SkillsError (usage) where the folder holds a run with other settings.
    """
    clear_leftovers(path.parent)  # of a table that was killed while it was written
    run = open_or_create(path, config)
    notify(task)
    try:
        with run.writing(notify):
            discover(run, source="auto", reporter=reporter, notify=notify, last=last)
    except SkillsError as error:
        notify(f"{name}: {error.message}")
        return [f"{name}: {error.message}"]
    return []


def config_of(table: Table, dataset: str, name: str, settings: Settings) -> Config:
    """The configuration of a run of the table."""
    method = paper.method(name)
    asked: dict[str, Any] = {} if method.temperature is None else {"reward.temperature": method.temperature}
    steps = settings.steps or (table.steps if settings.preset == "paper" else None)
    if steps is not None:
        asked["policy.steps"] = steps
    config = make_config(
        dataset,
        preset=settings.preset,
        seed=settings.seed,
        device=settings.device,
        mode=table.mode,
        seeds=settings.seeds,
        expert=_expert(table, dataset, settings),
        trajectories=method.trajectories or table.trajectories,
        maker=method.maker,
        learner=method.learner,
        calibration=method.calibration,
        set=asked,
    )
    percent = method.percent or table.percent
    if percent < 100:
        part = round((config.data.steps or D4RL_STEPS) * percent / 100)
        config = replace(config, data=replace(config.data, steps=part))
    # Of short episodes there is no score, whatever the preset.
    return replace(config, rollout=replace(config.rollout, horizon=EPISODE_STEPS))


def _expert(table: Table, dataset: str, settings: Settings) -> str | None:
    """What the expert of imitation comes from: as asked for, or the expert set of the same body."""
    if table.mode != "imitation":
        return None
    body = catalog.resolve(dataset).body
    named = settings.expert or (f"{body}-expert" if body else None)
    if named is None:
        raise SkillsError(f"There is no expert set for {dataset}.", "Name one with --expert.", USAGE)
    if Path(named).suffix not in EXPERT_FILES:
        available([named])
    return named


def write_table(table: Table, methods: Sequence[str], folder: Path) -> dict[str, Any]:
    """Writes `table.json` and `table.md` of the finished runs in a folder; returns the document."""
    shown = document(table, methods, folder)
    write_json(folder / DOCUMENT, shown)
    with replacing(folder / MARKDOWN) as temporary:
        temporary.write_text(markdown(shown), encoding="utf-8")
    return shown


def document(table: Table, methods: Sequence[str], folder: Path) -> dict[str, Any]:
    """Our scores and the published ones, of every dataset that has a finished run in the folder.

    `ours` of a run that is not finished is null; `published` is a list, a number for each source that prints one.
    """
    columns = list(dict.fromkeys([*table.methods, *methods]))
    cells = finished(folder, table.mode)
    ran = {dataset for dataset, _ in cells}
    datasets = [name for name in dict.fromkeys([*table.datasets, *ran]) if name in ran]
    rows = [_row(table, name, [*columns, *table.not_run], cells) for name in datasets]
    found = {
        "schema_version": SCHEMA_VERSION,
        "table": table.name,
        "title": table.title,
        "paper": paper.document()["paper"],
        "note": paper.document()["note"],
        "about": table.about,
        "methods": columns,
        "not_run": list(table.not_run),
        "rows": rows,
        "totals": totals(rows, columns),
        "printed_totals": paper.printed_totals(table.name),
    }
    return found | {"verdicts": verdicts(found["totals"])}


def finished(folder: Path, mode: Mode) -> dict[tuple[str, str], RunFolder]:
    """The finished runs of a table's folder, by dataset and method; not those of a table of another mode."""
    runs = [run for run in map(open_run, runs_in(folder)) if run.config.mode == mode]
    prefixes = {run.path: f"{slug(run.config.dataset)}-" for run in runs}
    return {
        (run.config.dataset, run.path.name.removeprefix(prefixes[run.path])): run
        for run in runs
        if run.path.name.startswith(prefixes[run.path]) and "measures" in run.finished_stages()
    }


def slug(dataset: str) -> str:
    """A dataset's name as a part of a folder's."""
    return dataset.replace("/", "-")


def _row(table: Table, dataset: str, columns: Sequence[str], cells: dict[tuple[str, str], RunFolder]) -> dict[str, Any]:
    """A dataset: where it and the expert came from, and for each method our number and the published one."""
    runs = {name: cells[dataset, name] for name in columns if (dataset, name) in cells}
    manifests = [run.manifest for run in runs.values()]
    # Only a run on the true rewards has read what the data returns.
    known = next((found for found in manifests if found["dataset"]["return_mean"] is not None), manifests[0])
    shown = {
        name: {
            "ours": _ours(runs[name]) if name in runs else None,
            "published": [asdict(printed) for printed in paper.published(table.name, dataset, name)],
        }
        for name in columns
    }
    return {"dataset": dataset, "data": known["dataset"], "methods": shown}


def _ours(run: RunFolder) -> dict[str, Any]:
    """A run's score over seeds, each seed's own, and what it took."""
    summary, config = run.measures["summary"], run.config
    return {
        **summary["score"],
        "seeds": summary["score_of_seeds"],
        "score_is": summary["score_is"],
        "episodes_per_seed": summary["episodes_per_seed"],
        "reward_auc": summary["reward_auc"],
        "steps": getattr(config.policy, "steps", None),
        "preset": config.preset,
        "expert": run.manifest["expert"],
        "run": run.path.name,
    }


def totals(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> dict[str, Any]:
    """Each method's total over the datasets that every method with a run here has finished; {} where there are none.

    The interval is over seeds: of seed i the total is over its scores on all datasets.
    `published` has the total of each source that prints a number of all of these.
    """
    ran = [name for name in columns if any(row["methods"][name]["ours"] for row in rows)]
    whole = [row for row in rows if all(row["methods"][name]["ours"] for name in ran)]
    found: dict[str, Any] = {}
    for name in ran if whole else ():
        cells = [row["methods"][name] for row in whole]
        count = min(len(cell["ours"]["seeds"]) for cell in cells)
        seeds = np.sum([cell["ours"]["seeds"][:count] for cell in cells], axis=0)
        printed = [{one["source"]: one for one in cell["published"]} for cell in cells]
        complete = [source for source in printed[0] if all(source in numbers for numbers in printed)]
        found[name] = asdict(student(seeds.tolist())) | {
            "seeds": seeds.tolist(),
            "datasets": [row["dataset"] for row in whole],
            "published": [
                {
                    **printed[0][source],
                    "mean": round(sum(one[source]["mean"] for one in printed), 6),
                    "std": None,
                }
                for source in complete
            ],
        }
    return found


def verdicts(found: dict[str, Any]) -> list[str]:
    """CLUE's total against each other method's, in words; with whether their intervals are apart."""
    if "clue" not in found:
        return []
    own = Interval(*(found["clue"][part] for part in ("value", "low", "high")))
    lines = []
    for name, total in found.items():
        other = Interval(*(total[part] for part in ("value", "low", "high")))
        if name != "clue" and own.value is not None and other.value is not None:
            apart = own.above(other) or other.above(own)
            word = "above" if own.value > other.value else "below" if own.value < other.value else "equal to"
            lines.append(
                f"CLUE's total over {_count(total['datasets'])}, {own.value:.1f}, is {word} that of {name}, "
                f"{other.value:.1f}: {'intervals apart' if apart else 'the intervals are not apart'}."
            )
    return lines


def _count(datasets: Sequence[str]) -> str:
    return "one dataset" if len(datasets) == 1 else f"{len(datasets)} datasets"
