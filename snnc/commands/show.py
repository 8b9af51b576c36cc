"""``snnc show``: a compiled model at work on a recording, in a page of this machine's browser."""

from __future__ import annotations

from pathlib import Path

import click

from snnc.console import Terminal


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--events", "recording", type=click.Path(path_type=Path), required=True, help="The recording."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; default: any port."
)
@click.option(
    "-o",
    "--save",
    type=click.Path(path_type=Path),
    help="Write a page (HTML) that holds the run and works from disk, instead of serving one.",
)
def command(out: Path, recording: Path, port: int, save: Path | None) -> None:
    """Show the C of OUT at work on a RECORDING: events, the spikes of each layer, scores over time.

    The page is served on 127.0.0.1 until Ctrl-C; nobody but this machine reaches it. Each time it
    is loaded the C runs anew. A layer that stays silent is marked.
    """
    from snnc.api.data.windows import c_events
    from snnc.atomic import scratch_folder, write_atomically
    from snnc.live.server import Server, page
    from snnc.live.session import Session
    from snnc.models.datasets.dataset import check_sensor
    from snnc.models.datasets.readers import read_recording

    console = Terminal()
    given = read_recording(recording)
    with scratch_folder() as scratch:
        session = Session(out, scratch)
        height, width = session.manifest["input"]["sensor"]
        check_sensor(given, (height, width))
        events, about = c_events(given), session.about() | {"recording": recording.name}
        if save is not None:
            write_atomically(save, page(about, list(session.steps(events))).encode())
            console.print(f"wrote {save}")
            return
        with Server(about, lambda: session.steps(events), port) as server:
            console.print(f"{server.url}  (Ctrl-C ends it)", soft_wrap=True)
            server.serve_forever()
