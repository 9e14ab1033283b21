"""The command line: `skills COMMAND`. A command is a file, and imports heavy packages when it runs."""

import _thread
import os
import signal
import sys
import threading
from typing import Annotated

import typer

from skills.cli import (
    ablate,
    compare,
    compose,
    console,
    data,
    discover,
    doctor,
    evaluate,
    export,
    fault,
    find,
    gallery,
    label,
    plan,
    play,
    plot,
    render,
    reproduce,
    rm,
    segment,
    show,
    sweep,
    transitions,
)
from skills.cli import list as list_command
from skills.cli.options import ABOUT_TASKS
from skills.errors import FAILED, INTERRUPTED, SkillsError

app = typer.Typer(
    name="skills",
    help="Find skills in offline robot data: numbered behaviours, a policy that performs each, a gallery of videos.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)
app.command("discover")(discover.discover)
app.command("render")(render.render)
app.command("gallery")(gallery.gallery)
app.command("evaluate")(evaluate.evaluate)
app.command("ablate")(ablate.ablate)
app.command("plot")(plot.plot)
app.command("compare")(compare.compare)
app.command("reproduce")(reproduce.reproduce)
app.command("sweep")(sweep.sweep)
app.command("list")(list_command.list_runs)
app.command("show")(show.show)
app.command("rm")(rm.rm)
app.command("label")(label.label)
app.command("find", epilog=ABOUT_TASKS)(find.find)
app.command("transitions")(transitions.transitions)
app.command("compose")(compose.compose)
app.command("plan", epilog=ABOUT_TASKS)(plan.plan)
app.command("play")(play.play)
app.command("segment")(segment.segment)
app.command("export")(export.export)
app.add_typer(data.app, name="data")
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        console.line(f"skills {version('skills')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The console entry point: runs a command, and turns what went wrong into a message and an exit code."""
    # Read when torch starts its threads. By default they spin for milliseconds while they wait for each other, which
    # made training six times slower on a machine with other work to do; with none at all, half as fast on an idle one.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    _heed_ends()
    console.prepare()
    sys.exit(_run())


def _heed_ends() -> None:
    """A `kill` and a terminal that closes are as Ctrl-C is: what is finished stays, and how to go on is said."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # and not ignored, as under nohup
            signal.signal(number, signal.default_int_handler)
    sys.unraisablehook = _heed_what_was_lost


def _heed_what_was_lost(lost: "sys.UnraisableHookArgs") -> None:
    """An interrupt that came where Python can raise nothing, in a destructor, comes again; the rest is as ever."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(0.01, _thread.interrupt_main).start()  # raised in here it would be lost again
    else:
        sys.__unraisablehook__(lost)


def _run() -> int:
    try:
        code = _run_command()
        sys.stdout.flush()
        return code
    except SkillsError as error:
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.error(SkillsError("Interrupted.", "What is finished is kept; the same command again does the rest."))
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()  # whoever read our output has seen enough
        return FAILED
    except Exception as error:  # noqa: BLE001  # the last resort: nobody is shown a traceback
        if isinstance(error, OSError) and error.filename is None and error.errno is not None:
            _forget_stdout()  # a full disk behind a redirected stdout has no file name
            problem = SkillsError(f"Cannot write the output: {error.strerror or error}.")
        else:
            problem = fault.in_words(error)
        console.error(problem)
        return problem.exit_code


def _run_command() -> int:
    try:
        app(prog_name="skills")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
        if code == INTERRUPTED:  # typer's answer to an interrupt that no command has answered
            raise KeyboardInterrupt from None
        return code
    return 0


def _forget_stdout() -> None:
    """Sends what is still buffered nowhere, so that the interpreter does not stumble over it as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
