"""What the tests of the command line stand on."""

import signal
import subprocess
import sys

from commands import heed_interrupts

WAITING = "import time; print('here', flush=True); time.sleep(60)"


def test_a_child_is_interrupted_though_its_parent_ignores_interrupts() -> None:
    """As `nohup` and `&` make the tests do."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_interrupts
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert child.stdout is not None
    assert child.stdout.readline() == b"here\n"
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert said.endswith(b"KeyboardInterrupt\n")
