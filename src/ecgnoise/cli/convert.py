"""``ecgnoise convert``: a published checkpoint as a model folder."""

from pathlib import Path

import click


@click.command(short_help="Make a model folder of a published checkpoint.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="A new folder.")
@click.option(
    "--kind", type=click.Choice(["latent", "pixel", "autoencoder"]), help="Of the network  [default: found from the checkpoint]"
)
def convert(checkpoint: Path, out: Path, kind: str | None) -> None:
    """Make a model folder of a CHECKPOINT (.pth) of the published program.

    Needs the extra train; scoring with the folder does not.
    """
    from ecgnoise.training.convert import convert_checkpoint

    model = convert_checkpoint(checkpoint, out, kind=kind)
    click.echo(f"wrote {out}: {model.description.name} {model.description.version} ({model.hash})")
