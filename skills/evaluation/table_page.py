"""A reproduced table in words: our scores beside the published ones, and what both come from."""

from pathlib import Path
from typing import Any

from skills.data import catalog

HEADING = "ours (95 % over seeds)"


def markdown(shown: dict[str, Any]) -> str:
    """The document as a page: a line for each dataset and method, and what its numbers come from."""
    headings = ["dataset", "method", HEADING, *papers(shown)]
    lines = [f"# {shown['table']}: {shown['title']}", "", f"Paper: {shown['paper']}.", ""]
    lines += [f"{shown['note']} {shown['about']}", "", f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    lines += [f"| {' | '.join(line)} |" for line in grid(shown)]
    lines += ["", *(f"- {verdict}" for verdict in shown["verdicts"]), *printed_text(shown)]
    lines += ["", "Data:", "", *(f"- {data_text(row)}" for row in shown["rows"])]
    sources = used_sources(shown)
    lines += ["", "Published numbers:", "", *(f"- {source}" for source in sources)] if sources else []
    return "\n".join(lines) + "\n"


def grid(shown: dict[str, Any]) -> list[list[str]]:
    """A line for each dataset and method that has a number: their names, our score, that of each paper."""
    columns, lines = papers(shown), []
    for row in shown["rows"]:
        for name, cell in row["methods"].items():
            if cell["ours"] or cell["published"]:
                lines.append([row["dataset"], name, ours_text(cell["ours"]), *_of_papers(cell, columns)])
    for name, total in shown["totals"].items():
        lines.append([f"total of {len(total['datasets'])}", name, ours_text(total), *_of_papers(total, columns)])
    return lines


def papers(shown: dict[str, Any]) -> list[str]:
    """Those that print a number of the document."""
    cells = (cell for row in shown["rows"] for cell in row["methods"].values())
    return list(dict.fromkeys(sorted(one["paper"] for cell in cells for one in cell["published"])))


def _of_papers(cell: dict[str, Any], columns: list[str]) -> list[str]:
    return [
        ", ".join(published_text(one) for one in cell["published"] if one["paper"] == column) or "-"
        for column in columns
    ]


def ours_text(ours: dict[str, Any] | None) -> str:
    """ "63.1 (57.0..69.2)"; "-" where there is no run."""
    if ours is None:
        return "-"
    return f"{ours['value']:.1f}" + ("" if ours["low"] is None else f" ({ours['low']:.1f}..{ours['high']:.1f})")


def published_text(published: dict[str, Any]) -> str:
    """ "47.4 ± 0.2", or without a deviation where none is printed."""
    return f"{published['mean']:.1f}" + ("" if published["std"] is None else f" ± {published['std']:.1f}")


def printed_text(shown: dict[str, Any]) -> list[str]:
    """The totals that the paper prints, over all of its datasets."""
    totals = ", ".join(f"{name} {total:.1f}" for name, total in shown["printed_totals"].items())
    return [f"- The paper's totals over all of its datasets: {totals}."] if totals else []


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
    made_by = (
        "made here"
        if data["made_here"]
        else "official"
        if catalog.is_official(data["minari_id"])
        else "brought by the user"
    )
    return f"{data['minari_id'] or Path(data['name']).name} ({made_by})"


def used_sources(shown: dict[str, Any]) -> list[str]:
    """The papers and tables that the published numbers of a document are from."""
    cells = (cell["published"] for row in shown["rows"] for cell in row["methods"].values())
    return list(dict.fromkeys(one["source"] for cell in cells for one in cell))
