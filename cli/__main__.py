"""`skills`, and `python -m skills.cli`: the command line, and an interrupt while it is still being imported.

Nothing has begun by then, so there is nothing to be put right: the process ends at once, by the signal itself, rather
than with a traceback of whatever was being imported.
"""

import signal


def main() -> None:
    """The console entry point."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # and not ignored, as in the background
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from skills.cli.app import main as run

    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
