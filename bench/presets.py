"""What minutes of IQL buy: fidelity and diversity of a run's skills against the time that their policy learns for.

    python bench/presets.py RUN [RUN ...] [--into bench/runs] [--shorter 1]

IQL's policies of several steps, widths and depths, each with a cosine decay of its own, learn from the rewards of each
finished run. Ten trials a skill. Prints how often the judge has a trial's own class first, the own-class occupancy
over base (median over skills), effective skills and diversity, and draws bench/results/presets.svg (needs the `bench`
extra). `quick` was chosen from it while it learned by IQL. What is done is kept; an interrupted benchmark continues.
"""

from timing import RESULTS, record
from variants import Base, parser_of_variants

from skills.measures.intervals import every_trial

STEPS = {(256, 2): (3_750, 7_500, 15_000, 30_000), (256, 3): (12_000, 24_000), (512, 2): (7_500, 15_000)}
SIZES = [(width, depth, steps) for (width, depth), lengths in STEPS.items() for steps in lengths]
MEASURES = {
    "fidelity.top1": "fidelity: own class first",
    "occupancy.median_ratio": "own-class occupancy over base, median",
    "effective_skills.value": "effective skills",
    "diversity.ratio": "diversity, over random segments",
}
Curves = dict[str, list[dict[str, float]]]  # of each size of trunk, a point a policy


def draw(runs: dict[str, Curves]) -> None:
    """presets.svg: a row a run, a panel a measure, a line a size of trunk."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(runs), len(MEASURES), figsize=(16, 4 * len(runs)), layout="constrained", squeeze=False
    )
    for row, (run, sizes) in zip(axes, runs.items(), strict=True):
        for axis, (name, words) in zip(row, MEASURES.items(), strict=True):
            for size, line in sizes.items():
                axis.plot([one["minutes"] for one in line], [one[name] for one in line], "o-", label=size)
            axis.set(xlabel="minutes of learning", ylabel=words, title=run)
            axis.legend()
    figure.savefig(RESULTS / "presets.svg", metadata={"Date": None})


def main() -> None:
    """Learns, plays, prints, draws and records, after each policy what is there so far."""
    parser = parser_of_variants(__doc__)
    parser.add_argument("--shorter", type=int, default=1, help="divides the steps, for a try")
    given = parser.parse_args()
    lines = [f"(python bench/presets.py {' '.join(path.name for path in given.runs)})"]
    runs: dict[str, Curves] = {}
    for path in given.runs:
        base = Base(path, given.into)
        lines.append(f"{path.name}, {base.count} skills")
        curves = runs[path.name] = {f"{width} x {depth}": [] for width, depth in STEPS}
        for width, depth, length in SIZES:
            size, steps = f"{width} x {depth}", length // given.shorter
            settings = {"hidden": width, "depth": depth, "steps": steps}
            trials, minutes = base.learned(f"{size}, {steps} steps", settings)
            found = base.contest.statistic(trials)(every_trial(*trials.shape))
            curves[size].append({"minutes": minutes, **{name: found[name] for name in MEASURES}})
            lines.append(
                f"{size:>9} {steps:>7} steps {minutes:6.1f} min   "
                + "   ".join(f"{name} {found[name]:.3g}" for name in MEASURES)
            )
            record("presets", "\n".join(lines))
    draw(runs)


if __name__ == "__main__":
    main()
