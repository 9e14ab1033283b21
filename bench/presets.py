"""What minutes buy: diversity and fidelity of whole runs against the time that they learn for.

    python bench/presets.py [LARGEST_STEPS] [SKILLS] [FOLDER] [DATASET]

Runs of ant-medium with 100 skills whose IQL steps double up to 60,000, at two widths, unless told otherwise; they are
kept in FOLDER (bench/runs), and an interrupted benchmark continues. Prints a table and draws bench/results/presets.svg
(needs the `bench` extra), from which the `quick` preset is chosen.
"""

import sys
from pathlib import Path

from timing import RESULTS, record
from variants import changed, finished

from skills.config import make_config

WIDTHS = (256, 512)


def draw(points: dict[int, list[tuple[float, float, float]]]) -> None:
    """presets.svg: one line a width, of (minutes, occupancy over base, speed spread)."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, column, name in zip(
        axes, (1, 2), ("fidelity: own-class occupancy over base, median", "diversity: speed spread"), strict=True
    ):
        for width, line in points.items():
            axis.plot([point[0] for point in line], [point[column] for point in line], "o-", label=f"{width} wide")
        axis.set(xlabel="minutes of learning", ylabel=name)
        axis.legend()
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / "presets.svg", metadata={"Date": None})


def main(largest: int, skills: int, folder: Path, dataset: str) -> None:
    """Runs, prints, draws and records."""
    lines = [f"{dataset}, {skills} skills (python bench/presets.py {largest} {skills} {folder} {dataset})"]
    points: dict[int, list[tuple[float, float, float]]] = {width: [] for width in WIDTHS}
    for width in WIDTHS:
        for steps in (largest // 8, largest // 4, largest // 2, largest):
            config = make_config(dataset, preset="quick" if largest >= 1000 else "smoke", skills=skills)
            config = changed(config, {"policy.steps": steps, "policy.hidden": width})
            done = finished(config, folder, f"{dataset}-{width}-{steps}")
            fidelity, diversity = done["summary"]["occupancy_ratio_median"], done["summary"]["speed_spread_ratio"]
            points[width].append((done["minutes"], fidelity, diversity))
            lines.append(
                f"{width:>5} wide {steps:>7} steps {done['minutes']:6.1f} min   occupancy over base {fidelity:5.2f}   "
                f"speed spread {diversity:5.2f}"
            )
    record("presets", "\n".join(lines))
    draw(points)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        int(given[0]) if given else 60_000,
        int(given[1]) if len(given) > 1 else 100,
        Path(given[2]) if len(given) > 2 else Path(__file__).parent / "runs",
        given[3] if len(given) > 3 else "ant-medium",
    )
