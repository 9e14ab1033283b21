"""Writes the gallery page: one folder that opens by double-click, with no server, no network and no framework."""

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skills.files import read_json, write_json, write_text
from skills.runs.layout import Layout, film_name, poster_name
from skills.videos.gallery.template import filled, text_of

_NO_FILMS: dict[str, bool | float] = {"video": False, "begin": 0.0, "starts": False, "data": False}


def write_gallery(run_folder: Path, page: Mapping[str, Any], *, filling: bool = False) -> Path:
    """Writes `gallery/index.html` and `gallery/manifest.json`; returns the page.

    page: what `page.page` makes. A skill whose video is not there yet is shown with the command that makes it.
    filling: films are being made; the page has none of its own, and asks `gallery/state.js` which there are.
    """
    record = Layout(run_folder).films_file
    begins = read_json(record).get("begins", {}) if record.is_file() else {}
    skills = [
        {**skill, **(_NO_FILMS if filling else _films(run_folder, skill["skill"], begins))} for skill in page["skills"]
    ]
    document = {**page, "skills": skills, "filling": filling}
    write_json(Layout(run_folder).page_document, document)
    index = Layout(run_folder).page_file
    write_text(index, render_page(document))
    return index


def render_page(document: Mapping[str, Any]) -> str:
    """The whole page as text. Whatever comes from a dataset or a file name is escaped: it can only be read as text."""
    values = {
        "script": text_of("gallery.js"),
        "still": "\n".join(_still(skill) for skill in document["skills"]),
        "data": _inline_json(document),
    }
    return filled("gallery.html", html.escape(f"Skills of {document['dataset']['name']}"), values)


def _films(run_folder: Path, skill: int, begins: Mapping[str, float]) -> dict[str, bool | float]:
    """Which films of a skill are there, and the s of the rollout at which its own begins."""
    return {
        "video": Layout(run_folder).film(skill).is_file() and Layout(run_folder).poster(skill).is_file(),
        "begin": begins.get(film_name(skill), 0.0),
        "starts": Layout(run_folder).film(skill, "starts").is_file(),
        "data": Layout(run_folder).film(skill, "data").is_file(),
    }


def _still(skill: Mapping[str, Any]) -> str:
    """What a browser without JavaScript shows of a skill: the poster, linked to the video."""
    name = f"{skill['skill']:03d}"
    text = html.escape(f"#{name} {skill['label']}")
    if not skill["video"]:
        return f"<li>{text}: no video yet</li>"
    poster, film = poster_name(skill["skill"]), film_name(skill["skill"])
    image = f'<img src="{poster}" alt="" loading="lazy" width="256" height="256">'
    return f'<li><a href="{film}">{image}{text}</a></li>'


def _inline_json(document: Mapping[str, Any]) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
