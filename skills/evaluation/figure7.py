"""The paper's figure 7 on whatever data there is: how learned rewards agree with the true ones, by the temperature c.

runs/reproduce-figure7/
  hopper-medium-replay-clue-c1/ ...   an ordinary run for each dataset and temperature, up to its rewards
  table.json  table.md                what is known so far, of all runs that are finished there
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skills.evaluation import paper, plots
from skills.evaluation.paper import Table
from skills.evaluation.reproduce import DOCUMENT, MARKDOWN, Settings, bring_all, config_of, finish, slug
from skills.evaluation.table_page import set_text
from skills.evaluation.together import Together
from skills.files import read_json, replacing, write_json
from skills.progress import Notify, Reporter
from skills.runs.folder import RunFolder, open_run
from skills.runs.layout import runs_in

SCHEMA_VERSION = 1
AGREEMENT = "agreement.json"
NUMBERS = {
    "sums_spearman": "episodes' sums, Spearman",
    "means_spearman": "episodes' means, Spearman",
    "steps_pearson": "steps, Pearson",
}
HEADINGS = ("dataset", "rewards", *NUMBERS.values())


def run_all(
    figure: Table,
    datasets: Sequence[str],
    methods: Sequence[str],
    settings: Settings,
    folder: Path,
    reporter: Reporter,
    notify: Notify,
    together: Together | None = None,
) -> list[str]:
    """Makes the rewards of each dataset and method and compares them; writes the table after each.

    together: makes the rewards first; None: nobody does.
    Returns: a line for each run that could not be finished; the others are made all the same.
    """
    configs = {(dataset, name): config_of(figure, dataset, name, settings) for dataset in datasets for name in methods}
    paths = {key: folder / f"{slug(key[0])}-{key[1]}" for key in configs}
    bring_all({paths[key]: config for key, config in configs.items()}, "rewards", together)
    failures = []
    for (dataset, name), config in configs.items():
        path, task = paths[dataset, name], f"{figure.name}: {name} on {dataset}"
        failed = finish(path, config, task, f"{dataset}, {name}", reporter, notify, last="rewards")
        failures += failed
        if not failed:
            compare(open_run(path), reporter)
        write(figure, folder)
    return failures


def compare(run: RunFolder, reporter: Reporter) -> None:
    """Keeps inside the run how its rewards agree with the true ones, unless that is there."""
    path, made = run.evaluation_file(AGREEMENT), run.manifest["stages"]["rewards"]["files"]
    if path.is_file() and read_json(path)["rewards"] == made:
        return
    found = plots.agreement(run, reporter)
    write_json(path, {"schema_version": SCHEMA_VERSION, "rewards": made, **{name: found[name] for name in NUMBERS}})


def document(figure: Table, folder: Path) -> dict[str, Any]:
    """A row for each dataset and method that has been compared."""
    runs = [run for run in map(open_run, runs_in(folder)) if run.evaluation_file(AGREEMENT).is_file()]
    rows = [
        {
            "dataset": run.config.dataset,
            "rewards": run.path.name.removeprefix(f"{slug(run.config.dataset)}-"),
            "temperature": getattr(run.config.reward, "temperature", None),
            "data": run.manifest["dataset"],
            "preset": run.config.preset,
            **{name: read_json(run.evaluation_file(AGREEMENT))[name] for name in NUMBERS},
        }
        for run in runs
    ]
    order = {name: place for place, name in enumerate(figure.datasets)}
    rows.sort(key=lambda row: (order.get(row["dataset"], len(order)), row["dataset"], row["temperature"] or 0.0))
    return {
        "schema_version": SCHEMA_VERSION,
        "table": figure.name,
        "title": figure.title,
        "paper": paper.document()["paper"],
        "about": figure.about,
        "rows": rows,
    }


def write(figure: Table, folder: Path) -> None:
    """Writes `table.json` and `table.md` of what is compared in a folder."""
    shown = document(figure, folder)
    write_json(folder / DOCUMENT, shown)
    with replacing(folder / MARKDOWN) as temporary:
        temporary.write_text(markdown(shown), encoding="utf-8")


def markdown(shown: dict[str, Any]) -> str:
    """The document as a page."""
    lines = [f"# {shown['table']}: {shown['title']}", "", f"Paper: {shown['paper']}.", "", shown["about"], ""]
    lines += [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    lines += [f"| {' | '.join(cells(row))} |" for row in shown["rows"]]
    return "\n".join([*lines, "", "Data:", "", *(f"- {line}" for line in data_texts(shown))]) + "\n"


def cells(row: dict[str, Any]) -> list[str]:
    """A row of the table, in text: each correlation with its 95 % interval over episodes."""
    return [row["dataset"], row["rewards"], *(_number_text(row[name]) for name in NUMBERS)]


def _number_text(number: dict[str, float | None]) -> str:
    if number["value"] is None:
        return "-"
    interval = "" if number["low"] is None else f" ({number['low']:.3f}..{number['high']:.3f})"
    return f"{number['value']:.3f}{interval}"


def data_texts(shown: dict[str, Any]) -> list[str]:
    """Which sets the rows are of."""
    texts = (
        f"{row['dataset']}: {set_text(row['data'])}, {row['data']['steps']:,} steps, preset {row['preset']}"
        for row in shown["rows"]
    )
    return list(dict.fromkeys(texts))
