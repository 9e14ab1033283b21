"""`skills export`: one skill's policy as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import Json, Quiet, RunName
from skills.cli.reporting import reporter

SCHEMA_VERSION = 1


def export(
    run: RunName = None,
    skill: Annotated[
        int | None, typer.Option("--skill", metavar="N", help="The skill whose policy is written; not needed of one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to.", show_default="RUN/export/017.onnx")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write one skill's policy as ONNX: observation in, action out (needs onnx and onnxscript).

    The graph takes observations (float32, batch by columns) as the environment gives them and returns the mean action;
    onnxruntime plays it without this program or PyTorch.
    """
    from skills.runs import export as exporting
    from skills.runs import folder as runs

    opened = runs.find(run)
    with reporter(quiet) as report:
        progress = report("exporting", "files")
        written = exporting.export(opened, skill, out, force=force)
        progress(1, 1)
    if json:
        console.document(
            {
                "schema_version": SCHEMA_VERSION,
                "file": str(written.path),
                "input": {"name": exporting.INPUT, "shape": ["batch", written.observation_size], "type": "float32"},
                "output": {"name": exporting.OUTPUT, "shape": ["batch", written.action_size], "type": "float32"},
                "metadata": written.metadata,
            }
        )
        return
    console.show(
        console.pairs(
            [
                *written.metadata.items(),
                (
                    exporting.INPUT,
                    f"[batch, {written.observation_size}] float32, as the dataset's environment gives it",
                ),
                (exporting.OUTPUT, f"[batch, {written.action_size}] float32, the mean action"),
            ]
        )
    )
    console.line(str(written.path))
