"""`skills plot`: a run's learned rewards against the true ones, and its latents with and without calibration."""

from pathlib import Path
from typing import Any

from skills.cli import console, drawing
from skills.cli.evaluate import cell
from skills.cli.options import Json, Quiet, RunName, Trust
from skills.cli.reporting import reporter
from skills.errors import INTERRUPTED, SkillsError

# what it says, number, digits behind the point
_COLUMNS = (
    ("rank correlation of episodes: sums", "sums_spearman", 3),
    ("means of a step", "means_spearman", 3),
    ("correlation of steps", "steps_pearson", 3),
)


def plot(run: RunName = None, json: Json = False, quiet: Quiet = False, trust: Trust = None) -> None:
    """Plot learned against true rewards, and latents with and without calibration (needs matplotlib).

    Trains the uncalibrated reward inside the run. In skill discovery the expert is the best twentieth of the episodes.
    """
    from skills.runs import folder as runs

    drawing.check_can_plot()
    opened = runs.find(run)
    from skills.evaluation import plots

    try:
        with opened.writing(console.teller(quiet)), reporter(quiet) as report:
            document = plots.make(opened, report)
            files = draw(document, opened.evaluation_folder)
    except KeyboardInterrupt:
        from skills.runs.command import go_on

        raise SkillsError(
            "Interrupted. What is finished is kept.", f"Continue with: {go_on(opened.path, 'plot')}", INTERRUPTED
        ) from None
    if json:
        console.document({**document, "plots": {name: str(path) for name, path in files.items()}})
        return
    console.show(table(document))
    for path in files.values():
        console.line(str(path))


def table(document: dict[str, Any]) -> Any:
    """A rich table, a case a row."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column(f"expert: {document['expert']}")
    for words, _, _ in _COLUMNS:
        shown.add_column(words, justify="right")
    for words in ("sigma of the expert's rows", "of the rest"):
        shown.add_column(words, justify="right")
    for name, case in document["cases"].items():
        numbers = [cell(case[number], digits) for _, number, digits in _COLUMNS]
        latents = case["latents"]
        sigmas = [f"{latents[group]['sigma']:.3f}" for group in ("expert", "rest")] if latents else ["-", "-"]
        shown.add_row(Text(_words(name, case), style="bold"), *numbers, *sigmas)
    return shown


def draw(document: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Writes `plot-rewards.svg` and, where there are latents, `plot-latents.svg`."""
    files = {"rewards": folder / "plot-rewards.svg"}
    _draw_rewards(document, files["rewards"])
    if all(case["latents"] for case in document["cases"].values()):
        files["latents"] = folder / "plot-latents.svg"
        _draw_latents(document, files["latents"])
    return files


def _words(name: str, case: dict[str, Any]) -> str:
    return f"{name} (lambda = {case['calibration']:g})" if case["latents"] else name


def _draw_rewards(document: dict[str, Any], path: Path) -> None:
    """A row a case: every episode as a point, then the two rewards along three of them."""
    cases = document["cases"]
    figure = drawing.figure(13.0, 3.0 * len(cases))
    figure.suptitle(f"{document['run']}: learned against true reward; expert: {document['expert']}", fontsize=11)
    axes = figure.subplots(len(cases), 4, squeeze=False)
    for row, (name, case) in zip(axes, cases.items(), strict=True):
        _draw_episodes(row[0], _words(name, case), case)
        for panel, episode in zip(row[1:], case["along"], strict=True):
            _draw_along(panel, episode)
            panel.sharey(row[1])
        row[1].set_ylabel(f"deviations from the mean,\nmoving mean of {document['window']} steps", fontsize=8)
        row[1].legend(fontsize=7)
    drawing.save(figure, path)


def _draw_episodes(axes: Any, words: str, case: dict[str, Any]) -> None:
    groups = (("others", False, ".", drawing.LIGHT), ("of the expert", True, "x", drawing.DARK))
    for label, wanted, marker, colour in groups:
        points = [point for point, own in zip(case["episodes"], case["of_expert"], strict=True) if own == wanted]
        if points:
            true, learned = zip(*points, strict=True)
            axes.plot(true, learned, marker, color=colour, markersize=4, label=label)
    found = case["sums_spearman"]["value"]
    axes.set_title(words if found is None else f"{words}, rank correlation {found:.2f}", fontsize=9)
    axes.set_xlabel("true return of the episode", fontsize=8)
    axes.set_ylabel("learned reward, summed", fontsize=8)
    if any(case["of_expert"]):
        axes.legend(fontsize=7)


def _draw_along(axes: Any, episode: dict[str, Any]) -> None:
    axes.plot(episode["learned"], color=drawing.DARK, linewidth=1.2, label="learned reward")
    axes.plot(episode["true"], color=drawing.LIGHT, linewidth=1.2, linestyle="--", label="true reward")
    axes.set_title(f"{episode['words']}, {episode['return']:.0f}", fontsize=9)
    axes.set_xlabel("step", fontsize=8)


def _draw_latents(document: dict[str, Any], path: Path) -> None:
    """A panel a case, on the same scale: the prior's standard deviation is 1 in each."""
    cases = document["cases"]
    figure = drawing.figure(5.0 * len(cases), 5.0)
    figure.suptitle(f"{document['run']}: latents z; expert: {document['expert']}", fontsize=11)
    panels = figure.subplots(1, len(cases), squeeze=False, sharex=True, sharey=True)[0]
    for axes, (name, case) in zip(panels, cases.items(), strict=True):
        latents = case["latents"]
        groups = (("rest", ".", drawing.LIGHT), ("expert", "x", drawing.DARK))
        for group, marker, colour in groups:
            if latents[group]["points"]:
                x, y = zip(*latents[group]["points"], strict=True)
                axes.plot(
                    x, y, marker, color=colour, markersize=4, label=f"{group}, sigma {latents[group]['sigma']:.2f}"
                )
        axes.plot(*latents["centre"], "+", color="black", markersize=14, markeredgewidth=2, label="centre z_e")
        axes.set_title(_words(name, case), fontsize=9)
        for set_label, number, share in zip(
            (axes.set_xlabel, axes.set_ylabel), "12", latents["explained"], strict=True
        ):
            set_label(f"principal component {number} ({share:.0%} of the variance)", fontsize=8)
        axes.set_aspect("equal")
        axes.legend(fontsize=7)
    drawing.save(figure, path)
