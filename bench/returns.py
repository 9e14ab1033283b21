"""The returns of the datasets that can be made here, against their targets: the table in docs/data.md.

    python bench/returns.py [--steps 50000] [name ...]

Makes each set in a temporary folder, as `skills data make NAME --steps N` does, and reads its returns.
"""

import argparse
import os
import tempfile

from skills.bodies import references
from skills.data import catalog
from skills.data.about import about
from skills.data.made import embedded

# Mean return of the data, of medium and of expert; D4RL's levels were the model.
TARGETS = {
    ("ant", "medium"): "2500 to 3500",
    ("ant", "expert"): "above 4000",
    ("halfcheetah", "medium"): "4500 to 5500",
    ("halfcheetah", "expert"): "above 8000",
    ("walker2d", "medium"): "2500 to 3500",
    ("walker2d", "expert"): "above 4500",
    ("hopper", "medium"): "1300 to 2500",
    ("hopper", "expert"): "above 3200",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("names", nargs="*", default=catalog.embedded_names())
    asked = parser.parse_args()
    print("| dataset | return, mean ± std | normalised | episode length | target | |")
    print("|---|---|---|---|---|---|")
    for name in asked.names:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MINARI_DATASETS_PATH"] = folder
            entry = catalog.resolve(name)
            made = about(embedded.make(entry, asked.steps))
        low, high = references.reference_returns(str(entry.env_id))
        mean = float(made.returns.mean())
        score, length = 100 * (mean - low) / (high - low), made.lengths.mean()
        target = TARGETS.get((str(entry.body), str(entry.level)), "")
        spread = f"{mean:.0f} ± {made.returns.std():.0f}"
        print(f"| {name} | {spread} | {score:.1f} | {length:.0f} | {target} | {met(mean, target)} |", flush=True)


def met(mean: float, target: str) -> str:
    """Whether a mean return is within "2500 to 3500" or "above 4000"."""
    if not target:
        return ""
    if target.startswith("above "):
        return "met" if mean > float(target.removeprefix("above ")) else "missed"
    low, _, high = target.partition(" to ")
    return "met" if float(low) <= mean <= float(high) else "missed"


if __name__ == "__main__":
    main()
