"""`skills export`: one skill's policy, or that of all, as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import Json, Quiet, RunName
from skills.cli.reporting import reporter
from skills.errors import USAGE, SkillsError

SCHEMA_VERSION = 1


def export(
    run: RunName = None,
    skill: Annotated[
        int | None, typer.Option("--skill", metavar="N", help="The skill whose policy is written; not needed of one.")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="All skills in one file, and behaviours.json beside it: names, speeds, switches."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to.", show_default="RUN/export/017.onnx, or skills.onnx")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write one skill's policy, or that of all, as ONNX: observation in, action out (needs onnx and onnxscript).

    The graph takes observations (float32, batch by columns) as the environment gives them, with --all also the numbers
    of the skills (int64), and returns mean actions; onnxruntime plays it without this program or PyTorch.
    """
    from skills.measures.handbook import export_with_handbook as all_of
    from skills.runs import export as exporting
    from skills.runs import folder as runs

    if everything and skill is not None:
        raise SkillsError("--skill and --all both choose.", "Leave one of them out.", USAGE)
    opened = runs.find(run)
    about: Path | None = None
    with reporter(quiet) as report:
        progress = report("exporting", "files")
        if everything:
            written, about = all_of(opened, out, force=force)
        else:
            written = exporting.export(opened, skill, out, force=force)
        progress(1, 1)
    choice = {"name": exporting.CHOICE, "shape": ["batch"], "type": "int64"}
    if json:
        console.document(
            {
                "schema_version": SCHEMA_VERSION,
                "file": str(written.path),
                "input": {"name": exporting.INPUT, "shape": ["batch", written.observation_size], "type": "float32"},
                "output": {"name": exporting.OUTPUT, "shape": ["batch", written.action_size], "type": "float32"},
                "metadata": written.metadata,
                **({"choice": choice, "behaviours": str(about)} if about else {}),
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
                *([(exporting.CHOICE, "[batch] int64, the number of the skill")] if about else []),
                (exporting.OUTPUT, f"[batch, {written.action_size}] float32, the mean action"),
            ]
        )
    )
    console.line(str(written.path))
    if about:
        console.line(str(about))
