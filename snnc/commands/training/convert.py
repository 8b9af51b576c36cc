"""``snnc convert``: a checkpoint of the paper authors' code as one of ours."""

from __future__ import annotations

from pathlib import Path

import click

from snnc.console import Terminal


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--network", required=True, help="What it was trained as; see snnc train.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The .pt file to write."
)
@click.option("--time-steps", type=click.IntRange(1), required=True, help="T.")
@click.option("--dt-us", type=click.IntRange(1), required=True, help="Step length in microseconds.")
@click.option(
    "--sensor",
    type=(int, int),
    default=(128, 128),
    show_default=True,
    metavar="H W",
    help="Pixels of the sensor.",
)
@click.option(
    "--downsample",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Pixels per cell side.",
)
def command(
    checkpoint: Path,
    network: str,
    out: Path,
    time_steps: int,
    dt_us: int,
    sensor: tuple[int, int],
    downsample: int,
) -> None:
    """Write the weights of CHECKPOINT, of the ASA-SNN or MA-SNN authors' code, as a model of ours.

    No code in the file is run. ASA-SNN's three-layer networks (A, D) are three-layer and
    three-layer-narrow, its five-layer networks (B, C) five-layer and five-layer-avg. MA-SNN's
    network for DVS128 Gesture is three-layer, for Gait and CIFAR10-DVS ma-five-layer.
    """
    from snnc.models.checkpoints import InputDescription, save
    from snnc.models.storage.conversion import convert, load_foreign

    described = InputDescription(*sensor, time_steps, dt_us, downsample)
    model = convert(
        load_foreign(str(checkpoint)),
        network,
        time_steps=time_steps,
        input_size=described.frame_size,
        where=str(checkpoint),
    )
    save(model, out, input=described, card={"converted_from": checkpoint.name})
    Terminal(stderr=True).print(f"wrote {out}: {network}, attention {model.hyper['attention']}")
