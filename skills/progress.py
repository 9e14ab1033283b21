"""How the library tells its caller how far it is, without printing."""

from collections.abc import Callable

# Called with (done, total); often enough for a bar to move, cheap enough for every batch.
Progress = Callable[[int, int], None]

# Called once as a piece of work begins, with what it is and the unit of its counts ("training 100 CVAEs", "steps");
# gives the progress to call while it lasts.
Reporter = Callable[[str, str], Progress]

# Called with a line for each decision that was taken for the user.
Notify = Callable[[str], None]


def sparsely(progress: Progress, every: int = 20) -> Progress:
    """A progress to call after each step; passed on after every so many and after the last."""

    def report(done: int, total: int) -> None:
        if done % every == 0 or done == total:
            progress(done, total)

    return report


def silent(done: int, total: int) -> None:
    """The progress that nobody watches."""


def silent_reporter(task: str, unit: str) -> Progress:
    """The reporter that nobody watches."""
    return silent


def unsaid(line: str) -> None:
    """The notify that nobody listens to."""
