"""`python -m tests.torture [PART ...]`: see the package."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.torture.all import PARTS, attack_all, prepare
from tests.torture.attack import Bench
from tests.torture.table import BAD, show, write


def main() -> int:
    """Returns the exit code: 1 where anything came out badly."""
    asked = _options()
    counts = {name: getattr(asked, name) for name in PARTS if name in (asked.parts or PARTS)}
    if asked.work:
        Path(asked.work).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="torture-", dir=asked.work))
    (folder / "work").mkdir()
    try:
        bench = Bench(asked.stock or folder / "stock", folder / "work", asked.limit)
        prepare(bench, counts)
        results = []
        try:
            for result in attack_all(bench, counts, asked.seed, asked.jobs, keep=asked.keep):
                results.append(result)
        except KeyboardInterrupt:
            sys.stderr.write("Interrupted: this is what came out so far.\n")
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    show(results)
    if asked.json:
        write(results, asked.json)
    return int(any(result.outcome in BAD for result in results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Attacks the program, and tells.")
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[*PARTS, []], help=f"some of: {', '.join(PARTS)}")
    for name, part in PARTS.items():
        parser.add_argument(f"--{name}", type=int, default=part.count, metavar="N", help=f"how many; {part.count}")
    parser.add_argument("--seed", type=int, default=1, help="of every random choice")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="attacks at the same time")
    parser.add_argument("--limit", type=float, default=240.0, help="seconds after which a command hangs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="each attack with what came out")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where; a folder for temporary files otherwise")
    parser.add_argument("--stock", type=Path, metavar="DIR", help="keeps what attacks begin with, for the next time")
    parser.add_argument("--keep", action="store_true", help="leave the folders of attacks that came out badly")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
