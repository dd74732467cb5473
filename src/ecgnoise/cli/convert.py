"""``ecgnoise convert``: a published checkpoint as a model folder."""

from pathlib import Path

import click


@click.command(short_help="Make a model folder of a published checkpoint.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="A new folder.")
@click.option(
    "--kind",
    type=click.Choice(["latent", "pixel", "autoencoder"]),
    help="Of the network  [default: found from the checkpoint]",
)
def convert(checkpoint: Path, out: Path, kind: str | None) -> None:
    """Make a model folder of a CHECKPOINT (.pth) of the published program.

    CHECKPOINT is a file, or hf:OWNER/REPO for pretrained_ldm.pth of a repository on a hub of models (hf:OWNER/REPO/FILE
    for another file), which is fetched by huggingface_hub: HF_ENDPOINT, HF_HUB_OFFLINE and its cache hold.

    Needs the extra train, and hub to fetch; scoring with the folder needs neither.
    """
    from ecgnoise.training.checks import check_conversion

    check_conversion(checkpoint, out)
    from ecgnoise.training.published.convert import convert_checkpoint

    model = convert_checkpoint(checkpoint, out, kind=kind)
    click.echo(f"wrote {out}: {model.description.name} {model.description.version} ({model.hash})")
