"""`skills list`: every run, newest first."""

from pathlib import Path
from typing import Any

from skills.cli import console
from skills.cli.options import Json
from skills.errors import SkillsError
from skills.storage import url_of, words

SCHEMA_VERSION = 1


def list_runs(json: Json = False) -> None:
    """List the runs, newest first."""
    from skills.runs import folder as runs

    rows = [describe_run(path) for path in runs.all_paths()]
    if json:
        console.document({"schema_version": SCHEMA_VERSION, "runs_root": words(runs.runs_root()), "runs": rows})
    elif rows:
        console.show(_table(rows))
        for row in rows:
            if row["problem"]:  # behind the table, whose columns a sentence would squeeze to nothing
                console.line(f"{row['name']}: {row['problem']}")
    else:
        console.say(f"There are no runs in {words(runs.runs_root())}. Make one: skills discover ant-medium")


def describe_run(path: Path) -> dict[str, Any]:
    """What a list says about a run; `problem` is None unless its files cannot be read."""
    from skills.runs import folder as runs

    row: dict[str, Any] = {"name": path.name, "path": words(path), "problem": None}
    try:
        opened = runs.open_run(path)
        config, manifest, stages = opened.config, opened.manifest, opened.finished_stages()
        best = None
        if "measures" in stages:
            best = opened.measures["summary"]
    except (SkillsError, KeyError, OSError) as error:
        return {**row, "problem": error.message if isinstance(error, SkillsError) else f"damaged: {error}"}
    return {
        **row,
        "dataset": config.dataset,
        "mode": config.mode,
        "skills": config.skills,
        "seeds": config.seeds,
        "preset": config.preset,
        "seed": config.seed,
        "created": manifest["created"],
        "stages": stages,
        "complete": opened.is_finished,
        "videos": None if url_of(path) else len(opened.films()),  # those in object storage are not fetched
        "summary": best,
    }


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=True, justify="left" if heading in _LEFT else "right")
    for row in rows:
        table.add_row(*_cells(row))
    return table


_HEADINGS = ("run", "dataset", "mode", "skills", "preset", "seed", "state", "videos", "result", "made")
_LEFT = ("run", "dataset", "mode", "preset", "state", "result", "made")


def _cells(row: dict[str, Any]) -> list[str]:
    if row["problem"]:
        return [row["name"], *[""] * 5, "cannot be read, see below"]
    best = row["summary"]
    result = _result(best) if best else ""
    state = "complete" if row["complete"] else f"after {row['stages'][-1]}" if row["stages"] else "begun"
    made = str(row["created"])[:16].replace("T", " ")
    counts = [str(row[name]) for name in ("mode", "skills", "preset", "seed")]
    if best and "behaviours" in best:
        counts[1] += f" in {best['behaviours']}"
    videos = "-" if row["videos"] is None else str(row["videos"])
    return [row["name"], row["dataset"], *counts, state, videos, result, made]


def _result(summary: dict[str, Any]) -> str:
    """The headline of a run: "3.9 x base rate, best return 4476", or "score 52.1 (49.0 to 55.2)"."""
    if "mode" not in summary:
        return f"{summary['occupancy_ratio_median']:z.1f} x base rate, best return {summary['return_best']:z.0f}"
    score = summary["score"]
    if score["value"] is None:
        return f"return {summary['return']['value']:z.0f}"
    name, unit = ("success", " %") if summary["score_is"] == "success rate" else ("score", "")
    interval = "" if score["low"] is None else f" ({score['low']:z.1f} to {score['high']:z.1f})"
    return f"{name} {score['value']:z.1f}{unit}{interval}"
