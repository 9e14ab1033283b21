"""The page over all runs: a card each, that leads to the run's own gallery."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from skills.errors import SkillsError
from skills.files import clear_leftovers, read_json, write_text
from skills.measures.summary import summary_of
from skills.runs.command import go_on
from skills.runs.folder import RunFolder, open_run
from skills.runs.layout import GALLERY, poster_name
from skills.runs.shapes import PAGE
from skills.videos.gallery.template import filled

_GENERATOR = '<meta name="generator" content="skills gallery">'
_STILLS = 4
_SHOWN = (
    "Normalised score",
    "Success rate",
    "Own-class occupancy",
    "Skills above base rate",
    "Survival",
    "Best return",
)


def index_file(root: Path) -> Path:
    """The page over the runs of a folder."""
    return root / "index.html"


def write_index(root: Path, runs: list[Path]) -> Path:
    """Writes `index.html` into the folder of runs; returns it. runs: their folders, in the order to be shown.

    One that is damaged has a card that says so.

    Raises: SkillsError where a page stands there that this program did not write.
    """
    index = index_file(root)
    if index.is_file() and _GENERATOR not in index.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise SkillsError(f"{index} was not written by this program.", "Move it away to have an index of the runs.")
    clear_leftovers(root)
    write_text(index, render_index([_card_of(path) for path in runs]))
    return index


def _card_of(path: Path) -> dict[str, Any]:
    """The card of a run, or what is wrong with it."""
    try:
        one = card(open_run(path))
        _card(one)  # what is crafted or damaged shows here at the latest
    except SkillsError as error:
        return {"name": path.name, "problem": error.message}
    except (LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        return {"name": path.name, "problem": f"{path} is damaged: {type(error).__name__}: {error}."}
    return one


def card(run: RunFolder) -> dict[str, Any]:
    """What the page says of a run, from its own files; a run that is not finished has no summary and no stills."""
    page = run.page_document
    document = read_json(page, PAGE, f"Write it anew: skills gallery {run.path}") if page.is_file() else {}
    filmed = [skill["skill"] for skill in document.get("skills", []) if skill.get("video")]
    heads = [skill for skill in document.get("representatives", []) if skill in filmed]
    manifest = run.manifest
    summary = summary_of(run) if "measures" in manifest["stages"] else []
    return {
        "name": run.path.name,
        "dataset": manifest.get("dataset") or {"name": run.config.dataset},
        "skills": run.config.heads,
        "mode": run.config.mode,
        "preset": run.config.preset,
        "seed": run.config.seed,
        "created": str(manifest["created"])[:16].replace("T", " "),
        "page": run.page_file.is_file(),
        "families": len(document.get("representatives", [])),
        "videos": len(filmed),
        "stills": [*heads, *(skill for skill in filmed if skill not in heads)][:_STILLS],
        "summary": [line for line in summary if line["name"] in _SHOWN],
        "finished": run.is_finished,
        "command": go_on(run.path),
    }


def render_index(cards: list[Mapping[str, Any]]) -> str:
    """The whole page as text; it needs no script."""
    values = {
        "count": f"{len(cards)} run{'' if len(cards) == 1 else 's'}",
        "cards": "\n".join(_card(one) for one in cards),
    }
    return filled("index.html", "Runs", values)


def _count(one: Mapping[str, Any]) -> str:
    return f"{one['skills']} skills" if one["mode"] == "skills" else f"{one['mode']}, seeds: {one['skills']}"


def _card(one: Mapping[str, Any]) -> str:
    if "problem" in one:
        title, problem = html.escape(one["name"]), html.escape(one["problem"])
        return f'<article class="run"><div class="words"><h2>{title}</h2><p>{problem}</p></div></article>'
    dataset = one["dataset"]
    origin = " (made here)" if dataset.get("made_here") else ""
    about = [f"{dataset['name']}{origin}", dataset.get("env_id", ""), _count(one)]
    about += [f"{one['families']} families"] if one["families"] and one["mode"] == "skills" else []
    about += [f"preset {one['preset']}", f"seed {one['seed']}", one["created"]]
    folder = quote(one["name"])
    stills = "".join(
        f'<img src="{folder}/{GALLERY}/{poster_name(skill)}" alt="" loading="lazy" width="256" height="256">'
        for skill in one["stills"]
    )
    title = html.escape(one["name"])
    heading = f'<a href="{folder}/gallery/index.html">{title}</a>' if one["page"] else title
    numbers = "".join(
        f"<div><dt>{html.escape(line['name'])}</dt><dd>{line['value']:,g} {html.escape(line['unit'])}</dd></div>"
        for line in one["summary"]
        if line["value"] is not None
    )
    rest = "" if one["finished"] else f"<p>Not finished yet: <code>{html.escape(one['command'])}</code></p>"
    return (
        f'<article class="run"><div class="stills-row">{stills}</div><div class="words"><h2>{heading}</h2>'
        f"<p>{html.escape(', '.join(part for part in about if part))}</p><dl>{numbers}</dl>{rest}</div></article>"
    )
