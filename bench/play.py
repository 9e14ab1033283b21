"""How soon does a key act in `skills play`, and how many pictures come? A real browser presses the keys.

    python bench/play.py RUN ... [--keys 60] [--renderer ray]

For each run the command is started as a person would, its page is opened in Chromium (CHROMIUM: its path), and number
keys are pressed at random moments. Printed, in ms of one clock: from the key to the first action of the skill it chose
(`acted`), and to the first picture drawn after it (`seen`), as median, 95th percentile and most; pictures a second;
what a picture costs the processor, the simulation and the server included; and the load of the machine meanwhile.
bench/results/play.txt keeps it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright
from timing import record

from skills.runs.folder import open_run

_WARM = 30  # pictures before anything is measured
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--renderer", default="auto")
    asked = parser.parse_args()
    head = "| environment | drawn by | acted, ms | seen, ms | pictures a second | a picture, ms of processor | load |"
    record("play", "\n".join([head, "|---|---|---|---|---|---|---|", *(row(run, asked) for run in asked.runs)]))


def row(run: Path, asked: argparse.Namespace) -> str:
    """One run's, of the table."""
    command = [sys.executable, "-m", "skills.cli.app", "play", str(run), "--renderer", asked.renderer]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            with sync_playwright() as driver:
                path = os.environ.get("CHROMIUM") or shutil.which("chromium")
                browser = driver.chromium.launch(executable_path=path, args=_FLAGS, timeout=180_000)
                measured = pressed(browser.new_page(), address, process.pid, asked.keys)
                browser.close()
        finally:
            process.terminate()
    acted, seen = (spread([one[name] for one in measured["keys"]]) for name in ("acted", "seen"))
    numbers = f"{measured['rate']:.0f} | {measured['cost']:.1f} | {os.getloadavg()[0]:.1f}"
    return f"| {open_run(run).env_id} | {measured['size']} | {acted} | {seen} | {numbers} |"


def pressed(page: Any, address: str, process: int, keys: int) -> dict[str, Any]:
    """What came of pressing keys on the page.   process: of the server, whose time is counted."""
    page.set_default_timeout(300_000)
    page.goto(address)
    while page.evaluate("window.play ? play.drawn : 0") < _WARM:
        time.sleep(0.1)
    generator = np.random.default_rng(0)
    begun, drawn, spent = time.perf_counter(), page.evaluate("play.drawn"), processor_seconds(process)
    for number in range(keys):
        page.keyboard.press(str(number % 10))
        page.wait_for_timeout(float(generator.uniform(150, 350)))
    seconds, pictures = time.perf_counter() - begun, page.evaluate("play.drawn") - drawn
    cost = 1000 * (processor_seconds(process) - spent) / pictures
    while not page.evaluate("play.given.every((one) => one.seen)"):
        time.sleep(0.1)
    given = page.evaluate("play.given.map((one) => ({acted: one.acted - one.given, seen: one.seen - one.given}))")
    width, height = page.evaluate("about.size")
    return {"keys": given, "rate": pictures / seconds, "cost": cost, "size": f"{width}x{height}"}


def spread(values: list[float]) -> str:
    """ "4 / 21 / 29": median, 95th percentile, most."""
    return " / ".join(f"{np.percentile(values, share):.0f}" for share in (50, 95, 100))


def processor_seconds(process: int) -> float:
    """That a process has used so far, all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
