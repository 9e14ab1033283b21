"""How soon does a key act in `skills play`, and how many pictures come? A real browser presses the keys.

    python bench/play.py RUN ... [--keys 60] [--renderer ray]
    python bench/play.py RUN ... --no-browser

First what 40 pictures cost the processor without anybody who watches, steps and drawing apart: of one thread, so that
other work on the machine changes little. At 40 pictures a second 25 ms would be a whole core.

Then, for each run, the command is started as a person would, its page is opened in Chromium (CHROMIUM: its path),
and number keys are pressed at random moments. Printed, in ms of one clock: from the key to the first action of the
skill that it chose (`acted`), and to the first picture drawn after that (`seen`), as median, 95th percentile and
most; pictures a second; what a picture costs the processor, the simulation and the server included; and the
machine's load meanwhile.
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
from timing import record

from skills.bodies.body import body_of
from skills.errors import SkillsError
from skills.learning.policy import Policy
from skills.playing.live import LiveBody
from skills.runs.folder import RunFolder, open_run
from skills.videos.films.films import Style
from skills.videos.films.scene import model_of
from skills.videos.live.painter import SIZES, Painter
from skills.videos.live.reel import Reel
from skills.videos.live.session import PICTURES

_COUNTED = 40  # pictures of the first table
_WARM = 30  # pictures before anything is measured
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--renderer", default="auto")
    parser.add_argument("--no-browser", action="store_true")
    asked = parser.parse_args()
    costs = ["| environment | drawn by | steps, ms a picture | drawing, ms a picture |", "|---|---|---|---|"]
    costs += [cost(open_run(run), name) for run in asked.runs for name in SIZES]
    if asked.no_browser:
        record("play", "\n".join(costs))
        return
    head = "| environment | drawn by | acted, ms | seen, ms | pictures a second | a picture, ms of processor | load |"
    rows = [row(run, asked) for run in asked.runs]
    record("play", "\n".join([*costs, "", head, "|---|---|---|---|---|---|---|", *rows]))


def cost(run: RunFolder, renderer: str) -> str:
    """One renderer's row of the first table."""
    width, height = SIZES[renderer]
    try:
        painter = Painter(Style(run.env_id, width=width, height=height), renderer)
    except SkillsError as error:
        return f"| {run.env_id} | {renderer} | {error.message} | |"
    body, model = LiveBody(Policy.load(run.policy_folder), run.env_id, 0, seed=0), model_of(run.env_id)
    reel, steps = Reel(body.qpos), 1 / PICTURES / body_of(run.env_id).seconds_per_step
    painter.paint(reel.shown(model), 0.0)
    stepping = drawing = 0.0
    for _ in range(_COUNTED):
        begun = time.process_time()
        while reel.ahead < steps:
            body.step()
            reel.add(body.qpos)
        reel.forward(steps)
        stepped = time.process_time()
        painter.paint(reel.shown(model), 1 / PICTURES)
        stepping, drawing = stepping + stepped - begun, drawing + time.process_time() - stepped
    numbers = " | ".join(f"{1000 * spent / _COUNTED:.1f}" for spent in (stepping, drawing))
    return f"| {run.env_id} | {renderer}, {width}x{height} | {numbers} |"


def row(run: Path, asked: argparse.Namespace) -> str:
    """One run's, of the table."""
    command = [sys.executable, "-m", "skills.cli.app", "play", str(run), "--renderer", asked.renderer]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            from playwright.sync_api import sync_playwright

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
