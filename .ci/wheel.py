"""What a wheel must hold and must not: the package alone, with every file that it reads as it runs.

usage: wheel.py WHEEL
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
READ = ["py.typed", "cli/app.py", "evaluation/paper.json"]  # beside what is found below
FOUND = {"data/made/policies": ("npz", "json"), "videos/gallery": ("html", "css", "js")}


def expected() -> set[str]:
    """The files without which an installed package fails, though the repository's tests pass."""
    paths = [ROOT / "skills" / name for name in READ]
    for folder, kinds in FOUND.items():
        for kind in kinds:
            files = sorted((ROOT / "skills" / folder).glob(f"*.{kind}"))
            if not files:
                sys.exit(f"there is no .{kind} in skills/{folder}")
            paths += files
    return {path.relative_to(ROOT).as_posix() for path in paths}


def main(wheel: str) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    if missing := sorted(expected() - names):
        sys.exit(f"{wheel} lacks {', '.join(missing)}")
    loose = {name.split("/")[0] for name in names if not name.startswith(("skills/", "skills-"))}
    if loose:
        sys.exit(f"{wheel} puts {', '.join(sorted(loose))} into site-packages beside skills")
    if trainer := sorted(name for name in names if "ppo" in name or "recipes" in name):
        sys.exit(f"{wheel} holds the trainer of the shipped policies: {', '.join(trainer)}")
    print(f"the wheel holds skills alone, {len(names)} files")


if __name__ == "__main__":
    main(*sys.argv[1:])
