"""Pieces of work on a fleet: which one is meant, and how they stand, told while they go."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skills.choices import Device
from skills.cli import console
from skills.fleet import Changes, Fleet, Standings, check_there, in_words_of
from skills.progress import Notify, Reporter
from skills.settings.config import check_between

if TYPE_CHECKING:
    from skills.evaluation.together import Together

_MOST = 4096  # workers, and cores of each
_MOST_SHOWN = 30  # runs in the live table


def fleet_of(workers: int | None, address: str | None, cores: int = 1) -> Fleet:
    """The fleet that is meant, to be asked for before anything is read or made; its pieces need no GPU yet.

    Raises: SkillsError (usage) for numbers that cannot be, (environment) where there is no such fleet.
    """
    check_between("--workers", 1 if workers is None else workers, 1, _MOST)
    check_between("--cores", cores, 1, _MOST)
    fleet = Fleet(workers=workers, cores=cores)
    fleet = fleet if address is None else replace(fleet, address=address)
    check_there(fleet)
    return fleet


def together_by(
    workers: int | None, address: str | None, device: Device, reporter: Reporter, notify: Notify
) -> "Together | None":
    """What brings many runs to a stage at once; None where no fleet is asked for, and they go one after the other."""
    from skills.evaluation.together import on_fleet

    if workers is None and address is None:
        return None
    return on_fleet(fleet_of(workers, address).on(device), reporter, notify)


@contextmanager
def telling(quiet: bool) -> Iterator[Callable[[Standings], None]]:
    """Tells how runs stand: a table that is drawn anew on a terminal, elsewhere a line for each change."""
    if quiet:
        yield lambda standings: None
    elif console.messages().is_terminal:
        from rich.live import Live

        with Live(console=console.messages(), auto_refresh=False) as live:
            yield lambda standings: live.update(standing_table(standings), refresh=True)
    else:
        yield Changes(console.say)


def standing_table(standings: Standings) -> Any:
    """A rich table of the runs that are at work, have failed or come next, and how many there are of each."""
    from rich.table import Table
    from rich.text import Text

    counts = Counter[str](one.state for one in standings.values())
    shown = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    order = ("working", "failed", "waiting", "done")
    for name, one in sorted(standings.items(), key=lambda item: order.index(item[1].state))[:_MOST_SHOWN]:
        shown.add_row(Text(name), Text(in_words_of(one)), Text(one.words, style="dim"))
    shown.add_row(Text(", ".join(f"{counts[state]} {state}" for state in order if counts[state]), style="bold"))
    return shown
