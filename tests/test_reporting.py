"""Progress as it is shown: plain lines, bars on a terminal, durations."""

import io
import time

import pytest

from skills.cli import console, reporting


def test_lines_tell_the_pace_every_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(console, "say", said.append)
    now = 0.0
    lines = reporting.Lines(clock=lambda: now)
    progress = lines("training", "steps")
    for second in range(60):
        now = float(second)
        progress(1000 + 10 * second, 2000)  # continues from 1000
    now = 100.0
    progress(2000, 2000)
    lines.finish()
    assert said == ["training ...", "training: 1,300/2,000 steps, 10 steps/s, 1 min 10 s left", "training: 1 min 40 s"]


def test_a_name_of_thousands_of_letters_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(console, "say", said.append)
    lines = reporting.Lines(clock=lambda: 0.0)
    lines("a" * 5000, "steps")
    lines.finish()
    assert said == [f"{'a' * 300} ... ...", f"{'a' * 300} ...: 0.0 s"]


def test_progress_is_cheap_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    screen = io.StringIO()
    monkeypatch.setattr(console, "messages", lambda: Console(file=screen, force_terminal=True, width=120))
    with reporting.bars() as report:
        progress = report("training", "steps")
        began = time.perf_counter()
        for step in range(20_000):
            progress(step + 1, 20_000)
        took = time.perf_counter() - began
        report("next", "steps")
    assert took < 2.0
    assert "20,000/20,000 steps" in screen.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (17.2, "17 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (59.7, "1 min 0 s"),
    ],
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert reporting.duration(seconds) == text
