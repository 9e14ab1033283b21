"""`skills data`: the datasets that a name may stand for. A command is a file."""

import typer

from skills.cli.data import download, importing, make, show
from skills.cli.data import list as list_command

app = typer.Typer(no_args_is_help=True, help="Datasets: what there is, get one, make one, bring your own.")
app.command("list")(list_command.list_datasets)
app.command("show")(show.show)
app.command("download")(download.download)
app.command("make")(make.make)
app.command("import")(importing.import_file)
