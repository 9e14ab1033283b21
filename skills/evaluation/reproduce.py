"""The paper's tables, run on whatever data there is: our scores beside the published ones.

    runs/reproduce-table2/
      halfcheetah-medium-clue/ ...    an ordinary run for each dataset and method
      table.json  table.md            what is known so far, of all runs that are finished there

Letters: S seeds.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skills.bodies.environments import ENVIRONMENTS, EPISODE_STEPS
from skills.choices import Device, Preset
from skills.data import catalog, sources
from skills.discovery import discover
from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.evaluation import paper
from skills.evaluation.paper import Table
from skills.files import replacing, write_json
from skills.measures.intervals import Interval, student
from skills.progress import Notify, Reporter
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create, open_run, runs_root
from skills.runs.layout import runs_in
from skills.settings.config import EXPERT_FILES, Config

SCHEMA_VERSION = 1
DOCUMENT, MARKDOWN = "table.json", "table.md"
UNKNOWN = "not known here"


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
        raise SkillsError(
            f"None of these datasets is on this machine or can be made here: {', '.join(datasets)}.",
            f"Download one: skills data download {datasets[0]}",
            NOT_FOUND,
        )
    return found


def _is_here(entry: catalog.Entry) -> bool:
    if entry.env_id is not None and entry.env_id not in ENVIRONMENTS:
        return False  # what is learned could not be played
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
) -> list[str]:
    """Brings the runs of a table to their end, a dataset after the other, and writes the table after each run.

    Returns: a line for each run that could not be finished; the others are made all the same.
    Raises: SkillsError (usage) for an unknown method, or where a folder holds a run with other settings.
    """
    configs = {(dataset, name): config_of(table, dataset, name, settings) for dataset in datasets for name in methods}
    failures = []
    for (dataset, name), config in configs.items():
        path = folder / f"{slug(dataset)}-{name}"
        failures += finish(path, config, f"{table.name}: {name} on {dataset}", f"{dataset}, {name}", reporter, notify)
        write_table(table, methods, folder)
    return failures


def finish(path: Path, config: Config, task: str, name: str, reporter: Reporter, notify: Notify) -> list[str]:
    """Brings a run to its end; a line, under the name, of what has kept it from it, if anything has.

    Raises: SkillsError (usage) where the folder holds a run with other settings.
    """
    run = open_or_create(path, config)
    notify(task)
    try:
        with run.writing():
            discover(run, source="auto", reporter=reporter, notify=notify)
    except SkillsError as error:
        notify(f"{name}: {error.message}")
        return [f"{name}: {error.message}"]
    return []


def config_of(table: Table, dataset: str, name: str, settings: Settings) -> Config:
    """The configuration of a run of the table."""
    method = paper.method(name)
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
        set={} if settings.steps is None else {"policy.steps": settings.steps},
    )
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

    A number that does not exist is null: of a run that is not finished, or a score that is in no source.
    """
    columns = list(dict.fromkeys([*table.methods, *methods]))
    cells = finished(folder)
    ran = {dataset for dataset, _ in cells}
    datasets = [name for name in dict.fromkeys([*table.datasets, *ran]) if name in ran]
    rows = [_row(name, [*columns, *table.not_run], cells) for name in datasets]
    found = {
        "schema_version": SCHEMA_VERSION,
        "table": table.name,
        "title": table.title,
        "paper": paper.document()["paper"],
        "note": paper.document()["note"],
        "methods": columns,
        "not_run": list(table.not_run),
        "rows": rows,
        "totals": totals(rows, columns),
    }
    return found | {"verdicts": verdicts(found["totals"])}


def finished(folder: Path) -> dict[tuple[str, str], RunFolder]:
    """The finished runs of a table's folder, by dataset and method."""
    runs = [open_run(path) for path in runs_in(folder)]
    prefixes = {run.path: f"{slug(run.config.dataset)}-" for run in runs}
    return {
        (run.config.dataset, run.path.name.removeprefix(prefixes[run.path])): run
        for run in runs
        if run.path.name.startswith(prefixes[run.path]) and "measures" in run.finished_stages()
    }


def slug(dataset: str) -> str:
    """A dataset's name as a part of a folder's."""
    return dataset.replace("/", "-")


def _row(dataset: str, columns: Sequence[str], cells: dict[tuple[str, str], RunFolder]) -> dict[str, Any]:
    """A dataset: where it and the expert came from, and for each method our number and the published one."""
    runs = {name: cells[dataset, name] for name in columns if (dataset, name) in cells}
    manifests = [run.manifest for run in runs.values()]
    # Only a run on the true rewards has read what the data returns.
    known = next((found for found in manifests if found["dataset"]["return_mean"] is not None), manifests[0])
    shown = {}
    for name in columns:
        printed = paper.published(dataset, name)
        shown[name] = {
            "ours": _ours(runs[name]) if name in runs else None,
            "published": None if printed is None else asdict(printed),
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
    """Each method's total over the datasets that every method with a run here has finished, and the published one.

    {} where there are none. The interval is over seeds: of seed i the total is over its scores on all datasets.
    """
    ran = [name for name in columns if any(row["methods"][name]["ours"] for row in rows)]
    whole = [row for row in rows if all(row["methods"][name]["ours"] for name in ran)]
    found: dict[str, Any] = {}
    for name in ran if whole else ():
        cells = [row["methods"][name] for row in whole]
        count = min(len(cell["ours"]["seeds"]) for cell in cells)
        seeds = np.sum([cell["ours"]["seeds"][:count] for cell in cells], axis=0)
        printed = [cell["published"]["mean"] for cell in cells if cell["published"]]
        found[name] = asdict(student(seeds.tolist())) | {
            "seeds": seeds.tolist(),
            "datasets": [row["dataset"] for row in whole],
            "published": round(sum(printed), 6) if len(printed) == len(whole) else None,
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


def markdown(shown: dict[str, Any]) -> str:
    """The document as a page: a table of scores, ours before the published one, and what they come from."""
    columns = [*shown["methods"], *shown["not_run"]]
    lines = [f"# {shown['table']}: {shown['title']}", "", f"Paper: {shown['paper']}.", "", shown["note"], ""]
    lines += ["Ours, with its 95 % interval over seeds / published.", ""]
    lines += [f"| dataset | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 1)}"]
    for row in shown["rows"]:
        cells = [f"{ours_text(cell['ours'])} / {published_text(cell['published'])}" for cell in row["methods"].values()]
        lines.append(f"| {row['dataset']} | {' | '.join(cells)} |")
    if shown["totals"]:
        cells = [_total_text(shown["totals"].get(name)) for name in columns]
        lines.append(f"| total | {' | '.join(cells)} |")
    lines += ["", *(f"- {verdict}" for verdict in shown["verdicts"])]
    lines += ["", "Data:", "", *(f"- {data_text(row)}" for row in shown["rows"]), "", "Published numbers:", ""]
    return "\n".join([*lines, *(f"- {source}" for source in used_sources(shown))]) + "\n"


def ours_text(ours: dict[str, Any] | None) -> str:
    """ "63.1 (57.0..69.2)"; "-" where there is no run."""
    if ours is None:
        return "-"
    return f"{ours['value']:.1f}" + ("" if ours["low"] is None else f" ({ours['low']:.1f}..{ours['high']:.1f})")


def published_text(published: dict[str, Any] | None) -> str:
    """ "47.4 ± 0.2", or that it is not known."""
    return f"{published['mean']:.1f} ± {published['std']:.1f}" if published else UNKNOWN


def _total_text(total: dict[str, Any] | None) -> str:
    if total is None:
        return "-"
    printed = total["published"]
    return f"{ours_text(total)} / {UNKNOWN if printed is None else f'{printed:.1f}'}"


def data_text(row: dict[str, Any]) -> str:
    """Which set a row is of, who made it, and whom the methods imitate."""
    data = row["data"]
    text = f"{row['dataset']}: {set_text(data)}, {data['steps']:,} steps in {data['episodes']:,} episodes"
    if data["return_mean"] is not None:
        text += f" of mean return {data['return_mean']:.0f}"
    experts: dict[str, list[str]] = {}
    for name, cell in row["methods"].items():
        if cell["ours"]:
            experts.setdefault(_expert_text(cell["ours"]["expert"]), []).append(name)
    return text + "".join(f"; expert of {', '.join(names)}: {expert}" for expert, names in experts.items())


def _expert_text(expert: dict[str, Any]) -> str:
    returns = ", ".join(f"{value:.0f}" for value in expert["returns"])
    return f"{set_text(expert)}, {len(expert['episodes'])} of {expert['episodes_read']:,} episodes, of return {returns}"


def set_text(data: dict[str, Any]) -> str:
    """A dataset and who made it."""
    made_by = "made here" if data["made_here"] else "official" if _is_official(data) else "brought by the user"
    return f"{data['minari_id'] or Path(data['name']).name} ({made_by})"


def _is_official(data: dict[str, Any]) -> bool:
    known = {catalog.resolve(name).official_id for name in catalog.names()} - {None}
    return data["minari_id"] in known


def used_sources(shown: dict[str, Any]) -> list[str]:
    """The papers and tables that the published numbers of a document are from."""
    cells = (cell["published"] for row in shown["rows"] for cell in row["methods"].values())
    return list(dict.fromkeys(cell["source"] for cell in cells if cell))
