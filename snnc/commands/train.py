"""``snnc train``: a network on event-camera data."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from snnc.commands.training_data import DataChoice, data_options
from snnc.errors import BAD_OPTION, SnncError


def _list_configurations(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    """Print the paper's configurations where ``--list`` is given."""
    if not wanted or context.resilient_parsing:
        return
    from snnc.models.paper import CONFIGURATIONS

    for configuration in CONFIGURATIONS:
        click.echo(f"# {configuration.title}\n{configuration.command_line()}\n")
    context.exit()


@click.command()
@click.argument("network")
@data_options
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The .pt file to write."
)
@click.option("--attention", default="none", show_default=True, help="Attention module.")
@click.option("--epochs", type=click.IntRange(1), default=100, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=16, show_default=True)
@click.option(
    "--lr", type=float, default=1e-3, show_default=True, help="Learning rate at the start."
)
@click.option("--weight-decay", type=float, default=0.0, show_default=True)
@click.option("--dropout", type=float, default=0.0, show_default=True)
@click.option("--shift", type=int, default=0, show_default=True, help="Random shift in pixels.")
@click.option(
    "--event-drop", type=float, default=0.0, show_default=True, help="Random share of lost events."
)
@click.option(
    "--event-drop-by",
    type=click.Choice(["event", "mixed"]),
    default="event",
    show_default=True,
    help="Lose events one by one, or as EventDrop does: some, a time, an area or none.",
)
@click.option(
    "--hyper",
    multiple=True,
    metavar="NAME=VALUE",
    help="A hyper-parameter of the network, say votes=10; may be repeated.",
)
@click.option("--fc-batch-norm", is_flag=True, help="Batch norm after the linear layers too.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Keep the state here after each epoch, and go on from it if it exists.",
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_configurations,
    help="Print the command for each configuration of the paper, and exit.",
)
def command(
    network: str,
    data: DataChoice,
    out: Path,
    attention: str,
    epochs: int,
    batch_size: int,
    lr: float,
    weight_decay: float,
    dropout: float,
    shift: int,
    event_drop: float,
    event_drop_by: str,
    hyper: tuple[str, ...],
    fc_batch_norm: bool,
    seed: int,
    threads: int,
    resume: Path | None,
) -> None:
    """Train NETWORK (three-layer, three-layer-narrow, five-layer, five-layer-avg, res-18) on DATA.

    Writes OUT, and beside it the metrics of every epoch as .csv. The same command on the same
    machine gives the same bits.
    """
    import torch

    from snnc.models.training import TrainConfig, train

    torch.set_num_threads(threads)
    console = Console(stderr=True)
    config = TrainConfig(
        network=network,
        out=out,
        hyper={**_hyper(hyper), **({"fc_batch_norm": True} if fc_batch_norm else {})},
        attention=attention,
        dropout=dropout,
        data=data.data,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=lr,
        weight_decay=weight_decay,
        seed=seed,
        shift=shift,
        event_drop=event_drop,
        event_drop_by=event_drop_by,
        checkpoint=resume,
    )
    frames = data.load()
    train(config, frames.train, frames.test, frames.input, frames.classes, console=console)
    console.print(f"wrote {out} and {out.with_suffix('.csv')}")


def _hyper(given: tuple[str, ...]) -> dict[str, Any]:
    """NAME=VALUE by name, a value as in TOML."""
    values: dict[str, Any] = {}
    for text in given:
        try:
            values |= tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SnncError(
                BAD_OPTION,
                f"--hyper {text!r} is not NAME=VALUE with a TOML value ({error})",
                mend="Write --hyper votes=10, --hyper channels=[32,32,32] or the like.",
            ) from error
    return values
