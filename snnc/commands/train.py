"""``snnc train``: a network on event-camera data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console


@click.command()
@click.argument("network")
@click.option("--data", required=True, help="DATA with a training and a test part.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The .pt file to write."
)
@click.option("--attention", default="none", show_default=True, help="Attention module.")
@click.option("--time-steps", type=click.IntRange(1), required=True, help="T.")
@click.option("--dt-us", type=click.IntRange(1), required=True, help="Step length in microseconds.")
@click.option(
    "--downsample",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Pixels per cell side.",
)
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
@click.option("--fc-batch-norm", is_flag=True, help="Batch norm after the linear layers too.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Keep the state here after each epoch, and go on from it if it exists.",
)
def command(
    network: str,
    data: str,
    out: Path,
    attention: str,
    time_steps: int,
    dt_us: int,
    downsample: int,
    epochs: int,
    batch_size: int,
    lr: float,
    weight_decay: float,
    dropout: float,
    shift: int,
    event_drop: float,
    fc_batch_norm: bool,
    seed: int,
    threads: int,
    resume: Path | None,
) -> None:
    """Train NETWORK (three-layer, three-layer-narrow, five-layer, five-layer-avg) on DATA.

    Writes OUT, and beside it the metrics of every epoch as .csv. The same command on the same
    machine gives the same bits.
    """
    import torch

    from snnc.models.checkpoints import InputDescription
    from snnc.models.datasets.dataset import frame_dataset
    from snnc.models.datasets.spec import open_data
    from snnc.models.training import TrainConfig, train

    torch.set_num_threads(threads)
    console = Console(stderr=True)
    sets = {split: open_data(data, split) for split in ("train", "test")}
    framed = {
        split: frame_dataset(
            dataset, dt_us=dt_us, time_steps=time_steps, downsample=downsample, progress=True
        )
        for split, dataset in sets.items()
    }
    height, width = sets["train"].sensor
    hyper: dict[str, Any] = {"fc_batch_norm": True} if fc_batch_norm else {}
    config = TrainConfig(
        network=network,
        out=out,
        hyper=hyper,
        attention=attention,
        dropout=dropout,
        data=data,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=lr,
        weight_decay=weight_decay,
        seed=seed,
        shift=shift,
        event_drop=event_drop,
        checkpoint=resume,
    )
    train(
        config,
        framed["train"],
        framed["test"],
        InputDescription(height, width, time_steps, dt_us, downsample),
        len(sets["train"].class_names),
        console=console,
    )
    console.print(f"wrote {out} and {out.with_suffix('.csv')}")
