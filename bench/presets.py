"""What minutes buy: fidelity and diversity of a run's skills against the time that their policy learns for.

    python bench/presets.py RUN [RUN ...] [--into bench/runs] [--shorter 1]

Policies of several steps and widths, each with a cosine decay of its own, learn from the rewards of each finished run.
Ten trials a skill. Prints how often the judge has a trial's own class first, the own-class occupancy over base (median
over skills), effective skills and diversity, and draws bench/results/presets.svg (needs the `bench` extra), from which
the `quick` preset is chosen. What is done is kept, and an interrupted benchmark continues.
"""

import argparse
from pathlib import Path

from timing import RESULTS, record
from variants import Base

from skills.measures.intervals import every_trial

SIZES = [(256, 3_750), (256, 7_500), (256, 15_000), (256, 30_000), (512, 7_500), (512, 15_000)]  # (width, steps)
MEASURES = {
    "fidelity.top1": "fidelity: own class first",
    "occupancy.median_ratio": "own-class occupancy over base, median",
    "effective_skills.value": "effective skills",
    "diversity.ratio": "diversity, over random segments",
}
Curves = dict[int, list[dict[str, float]]]  # of each width, a point a policy


def draw(runs: dict[str, Curves]) -> None:
    """presets.svg: a row a run, a panel a measure, a line a width."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(runs), len(MEASURES), figsize=(16, 4 * len(runs)), layout="constrained", squeeze=False
    )
    for row, (run, widths) in zip(axes, runs.items(), strict=True):
        for axis, (name, words) in zip(row, MEASURES.items(), strict=True):
            for width, line in widths.items():
                axis.plot([one["minutes"] for one in line], [one[name] for one in line], "o-", label=f"{width} wide")
            axis.set(xlabel="minutes of learning", ylabel=words, title=run)
            axis.legend()
    figure.savefig(RESULTS / "presets.svg", metadata={"Date": None})


def main() -> None:
    """Learns, plays, prints, draws and records, after each policy what is there so far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "runs")
    parser.add_argument("--shorter", type=int, default=1, help="divides the steps, for a try")
    given = parser.parse_args()
    lines = [f"(python bench/presets.py {' '.join(path.name for path in given.runs)})"]
    runs: dict[str, Curves] = {}
    for path in given.runs:
        base = Base(path, given.into)
        lines.append(f"{path.name}, {base.count} skills")
        curves = runs[path.name] = {width: [] for width, _ in SIZES}
        for width, length in SIZES:
            steps = length // given.shorter
            trials, minutes = base.learned(f"{width} wide {steps} steps", {"hidden": width, "steps": steps})
            found = base.contest.judge.statistic(trials)(every_trial(*trials.shape))
            curves[width].append({"minutes": minutes, **{name: found[name] for name in MEASURES}})
            lines.append(
                f"{width:>5} wide {steps:>7} steps {minutes:6.1f} min   "
                + "   ".join(f"{name} {found[name]:.3g}" for name in MEASURES)
            )
            record("presets", "\n".join(lines))
    draw(runs)


if __name__ == "__main__":
    main()
