"""The runs of `gpu.sh`: begins one, up to its classes, which need no GPU; says what one took.

python bench/gpu_run.py classes RUN DATASET PRESET DEVICE TRUNK STEPS ROWS
python bench/gpu_run.py report RUN [RUN ...]
"""

import sys
from pathlib import Path

from skills.files import read_json

PAPER_STEPS = 1_000_000  # of IQL


def classes(run: str, dataset: str, preset: str, device: str, trunk: str, steps: str, rows: str) -> None:
    """As `skills discover` with these begins, so that it goes on from there."""
    from skills.discovery import discover
    from skills.progress import silent_reporter
    from skills.runs.begin import begin

    begun = begin(
        dataset, Path(run), fresh=False, device=device, source="auto", offline=False, reporter=silent_reporter,
        notify=print, preset=preset, learner="iql", trunk=trunk, set={"policy.steps": steps, "data.steps": rows},
    )  # fmt: skip
    with begun.run.writing():
        discover(begun.run, source=begun.source, reporter=silent_reporter, notify=print, last="experts")


def report(run: Path) -> str:
    """The seconds of each stage, and what the paper's steps would take at this rate."""
    if not (run / "manifest.json").is_file():
        return f"{run.name}: not begun"
    stages, steps = read_json(run / "manifest.json")["stages"], read_json(run / "config.json")["policy"]["steps"]
    text = f"{run.name}: " + ", ".join(f"{name} {stage['seconds']:.1f} s" for name, stage in stages.items())
    if "policy" not in stages:
        return f"{text}; not finished"
    rate = steps / stages["policy"]["seconds"]
    return (
        f"{text}; IQL {steps:,} steps at {rate:,.0f}/s, so the paper's {PAPER_STEPS:,} would take "
        f"{PAPER_STEPS / rate / 60:.1f} min (extrapolated)"
    )


if __name__ == "__main__":
    if sys.argv[1] == "classes":
        classes(*sys.argv[2:])
    else:
        print("\n".join(report(Path(run)) for run in sys.argv[2:]))
