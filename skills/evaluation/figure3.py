"""The paper's figure 3 on whatever data there is: what its pictures show, counted from the trials of runs.

runs/reproduce-figure3/
  ant-medium-1/ ...             an ordinary run for each dataset and seed
  figure3.json  figure3.md      what is known so far, of all runs that are finished there
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from skills.data import catalog
from skills.discovery import read_data
from skills.errors import USAGE, SkillsError
from skills.evaluation import claims, paper
from skills.evaluation.paper import Figure
from skills.evaluation.reproduce import Settings, bring_all, finish, slug
from skills.evaluation.table_page import set_text
from skills.evaluation.together import Together
from skills.files import read_json, replacing, write_json
from skills.playing.rollout import Rollouts
from skills.progress import Notify, Reporter, silent_reporter, unsaid
from skills.runs.configure import make_config
from skills.runs.folder import STAGES, RunFolder, open_run
from skills.runs.layout import runs_in
from skills.settings.config import Config

SCHEMA_VERSION = 1
DOCUMENT, MARKDOWN, COUNTS = "figure3.json", "figure3.md", "figure3.json"
HOLDS = {  # what each claim's number must be at least; the paper's figure gives none
    "directions": (4, "directions of eight in which skills go"),
    "flips": (1, "skills that flip upright, from their backs or onto their hind legs"),
    "speeds": (3, "speeds, half a metre a second apart, that skills keep"),
}


def check_body(figure: Figure, datasets: Sequence[str]) -> None:
    """Raises: SkillsError (usage) for a dataset of a body that the figure does not show."""
    for name in datasets:
        if catalog.resolve(name).body not in figure.claims:
            raise SkillsError(
                f"The paper's {figure.name} does not show the body of {name}.",
                f"It shows {_list(figure.claims)}.",
                USAGE,
            )


def run_all(
    figure: Figure,
    datasets: Sequence[str],
    settings: Settings,
    folder: Path,
    reporter: Reporter,
    notify: Notify,
    together: Together | None = None,
) -> list[str]:
    """Brings the runs of a figure to their end, counts what they show, and writes the table after each.

    together: brings the runs to their end first; None: nobody does.
    Returns: a line for each run that could not be finished; the others are made all the same.
    """
    failures = []
    seeds = range(settings.seed, settings.seed + settings.seeds)
    configs = {(seed, dataset): config_of(dataset, seed, settings) for seed in seeds for dataset in datasets}
    paths = {(seed, dataset): folder / f"{slug(dataset)}-{seed}" for seed, dataset in configs}
    bring_all({paths[key]: config for key, config in configs.items()}, STAGES[-1], together)
    for (seed, dataset), config in configs.items():
        path, task = paths[seed, dataset], f"{figure.name}: {dataset}, seed {seed}"
        failed = finish(path, config, task, f"{dataset}, seed {seed}", reporter, notify)
        failures += failed
        if not failed:
            count(figure, open_run(path))
        write(figure, folder)
    return failures


def config_of(dataset: str, seed: int, settings: Settings) -> Config:
    """The configuration of a run of the figure: a discovery as the preset has it, at `paper` as the paper has it."""
    steps = {} if settings.steps is None else {"policy.steps": settings.steps}
    return make_config(dataset, preset=settings.preset, seed=seed, device=settings.device, set=steps)


def count(figure: Figure, run: RunFolder) -> None:
    """Counts each claim in a finished run's rollouts and in its data, unless it has; keeps that inside the run."""
    path = run.evaluation_file(COUNTS)
    rollouts = run.manifest["stages"]["rollouts"]["files"]
    if path.is_file() and read_json(path)["rollouts"] == rollouts:
        return
    skills = claims.recorded(Rollouts.load(run.rollouts_file), run.env_id)
    shown = claims.stretches(read_data(run, "auto", silent_reporter, unsaid))
    found = {
        name: asdict(claims.CLAIMS[name](skills)) | {"in_data": claims.in_data(name, shown)}
        for name in figure.claims[str(catalog.resolve(run.config.dataset).body)]
    }
    write_json(path, {"schema_version": SCHEMA_VERSION, "rollouts": rollouts, "claims": found})


def document(figure: Figure, folder: Path) -> dict[str, Any]:
    """What has been counted in the runs of a folder: a row for each dataset and claim, and what holds in words."""
    counted: dict[str, list[RunFolder]] = {}
    for path in runs_in(folder):
        run = open_run(path)
        if run.evaluation_file(COUNTS).is_file():
            counted.setdefault(run.config.dataset, []).append(run)
    order = [name for name in dict.fromkeys([*figure.datasets, *counted]) if name in counted]
    rows = [row for name in order for row in _rows(figure, name, counted[name])]
    return {
        "schema_version": SCHEMA_VERSION,
        "figure": figure.name,
        "title": figure.title,
        "paper": paper.document()["paper"],
        "holds_from": {name: {"least": least, "of": words} for name, (least, words) in HOLDS.items()},
        "rows": rows,
        "verdicts": verdicts(rows),
    }


def _rows(figure: Figure, dataset: str, runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    known = [read_json(run.evaluation_file(COUNTS))["claims"] for run in runs]
    return [
        {
            "dataset": dataset,
            "data": runs[0].manifest["dataset"],
            "preset": runs[0].config.preset,
            "classes": runs[0].config.experts.features,
            "learner": runs[0].config.policy.name,
            "skills": [run.config.heads for run in runs],
            "seeds": [run.config.seed for run in runs],
            "claim": name,
            "words": words,
            "numbers": [found[name]["number"] for found in known],
            "found": [found[name]["found"] for found in known],
            "in_data": known[0][name]["in_data"],
            "holds": bool(np.median([found[name]["number"] for found in known]) >= HOLDS[name][0]),
        }
        for name, words in figure.claims[str(catalog.resolve(dataset).body)].items()
    ]


def verdicts(rows: Sequence[dict[str, Any]]) -> list[str]:
    """For each claim, on which data it holds and on which it does not."""
    lines = []
    for words in dict.fromkeys(row["words"] for row in rows):
        parts = []
        for verdict, holds in (("holds on", True), ("does not hold on", False)):
            some = [
                f"{row['dataset']} ({number_text(row)})"
                for row in rows
                if row["words"] == words and row["holds"] == holds
            ]
            parts += [f"{verdict} {_list(some)}"] if some else []
        lines.append(f"{words[0].upper()}{words[1:]}: {'; '.join(parts)}.")
    return lines


def write(figure: Figure, folder: Path) -> dict[str, Any]:
    """Writes `figure3.json` and `figure3.md` of what is counted in a folder; returns the document."""
    shown = document(figure, folder)
    write_json(folder / DOCUMENT, shown)
    with replacing(folder / MARKDOWN) as temporary:
        temporary.write_text(markdown(shown), encoding="utf-8")
    return shown


def markdown(shown: dict[str, Any]) -> str:
    """The document as a page."""
    lines = [f"# {shown['figure']}: {shown['title']}", "", f"Paper: {shown['paper']}.", ""]
    lines += [f"- {name}: {one['of']}; holds from {one['least']}." for name, one in shown["holds_from"].items()]
    lines += ["", f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    lines += [f"| {' | '.join(cells(row))} |" for row in shown["rows"]]
    lines += ["", *(f"- {verdict}" for verdict in shown["verdicts"]), "", "Data:", ""]
    return "\n".join([*lines, *dict.fromkeys(f"- {data_text(row)}" for row in shown["rows"])]) + "\n"


HEADINGS = ("dataset", "claim", "counted", "holds", "what skills do", "what the data show")


def cells(row: dict[str, Any]) -> list[str]:
    """A row of the table, in text."""
    return [
        row["dataset"],
        row["words"],
        number_text(row),
        "yes" if row["holds"] else "no",
        _found_text(row["found"][0]),
        _found_text(row["in_data"], shares=row["claim"] != "speeds"),
    ]


def number_text(row: dict[str, Any]) -> str:
    """ "5", or of several seeds the median and the range: "5 (4..6)"."""
    numbers = row["numbers"]
    middle = f"{np.median(numbers):g}"
    return middle if len(numbers) == 1 else f"{middle} ({min(numbers)}..{max(numbers)})"


def _found_text(found: dict[str, float], *, shares: bool = False) -> str:
    if not found:
        return "none"
    return ", ".join(
        f"{name} {value:.0%}" if shares else f"{name} {value:z.2f}" if "m/s" in name else f"{name} {value:g}"
        for name, value in found.items()
    )


def data_text(row: dict[str, Any]) -> str:
    """Which set a row is of, and how it was learned from."""
    data = row["data"]
    size = f"{data['steps']:,} steps in {data['episodes']:,} episodes"
    seeds = f"seed{'s' if len(row['seeds']) > 1 else ''} {_list([str(seed) for seed in row['seeds']])}"
    how = f"{row['skills'][0]} skills, classes by {row['classes']}, learner {row['learner']}, preset {row['preset']}"
    return f"{row['dataset']}: {set_text(data)}, {size}; {how}, {seeds}"


def _list(names: Sequence[str] | dict[str, Any]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
