"""``snnc train``: a network on event-camera data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from snnc.commands.training.train_config import hyper_of, read_config
from snnc.commands.training.training_data import DataChoice, data_options
from snnc.console import Terminal


def _list_configurations(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    """Print the paper's configurations where ``--list`` is given."""
    if not wanted or context.resilient_parsing:
        return
    from snnc.models.training.paper import CONFIGURATIONS

    for configuration in CONFIGURATIONS:
        click.echo(f"# {configuration.title}\n{configuration.command_line()}\n")
    context.exit()


@click.command()
@click.argument("network")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    help="TOML file with options; those given here go first.",
)
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
@click.option("--fc-batch-norm", is_flag=True, help="Batch norm after the linear layers too.")
@click.option(
    "--hyper",
    multiple=True,
    metavar="NAME=VALUE",
    help="A hyper-parameter of the network, say votes=10; may be repeated.",
)
@click.option(
    "--spike-penalty",
    type=float,
    default=0.0,
    show_default=True,
    help="Added to the loss for each spike a neuron and step.",
)
@click.option("--patience", type=int, help="End after so many epochs without a lower loss.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--mixed-precision", is_flag=True, help="bfloat16 outside the neurons; GPUs only.")
@click.option(
    "--tensorboard", type=click.Path(path_type=Path), help="Folder for TensorBoard's files."
)
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
@click.pass_context
def command(
    context: click.Context,
    /,
    data: DataChoice,
    out: Path,
    lr: float,
    fc_batch_norm: bool,
    hyper: tuple[str, ...],
    threads: int,
    resume: Path | None,
    **settings: Any,
) -> None:
    """Train NETWORK on DATA.

    NETWORK is three-layer, three-layer-narrow, five-layer, five-layer-avg, ma-five-layer or res-18.

    Writes OUT, and beside it the metrics of every epoch as .csv. The same command on the same
    machine gives the same bits. `torchrun --nproc-per-node N -m snnc train ...` trains in N
    processes, on one machine or many.
    """
    import torch

    from snnc.models.training import TrainConfig, processes, train

    torch.set_num_threads(threads)
    norm: dict[str, Any] = {"fc_batch_norm": True} if fc_batch_norm else {}
    config = TrainConfig(
        out=out,
        data=data.data,
        hyper=hyper_of(context, hyper) | norm,
        learning_rate=lr,
        checkpoint=resume,
        **settings,
    )
    console = Terminal(stderr=True)
    with processes.together():
        first = processes.rank() == 0
        frames = data.load(progress=first)
        train(config, frames.train, frames.test, frames.input, frames.classes, console=console)
        if first:
            console.print(f"wrote {out} and {out.with_suffix('.csv')}")
