"""``snnc show``: the C at work on a recording, its page, and the server that gives it."""

from __future__ import annotations

import base64
import json
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from snnc.api.compile_settings import CompileSettings
from snnc.api.data.windows import c_events
from snnc.api.in_memory import compiled
from snnc.compiler.frontend.given import Given
from snnc.compiler.frontend.source import load_source
from snnc.compiler.host.model import Pushed
from snnc.compiler.host.observed import ObservedModel
from snnc.live.server import HOST, Server
from snnc.live.session import Session
from snnc.models.datasets.readers import read_recording
from tests.support.browser import BROWSER, looked_at
from tests.support.networks.lively import lively_checkpoint, write_nmnist


class Compiled:
    """A model that was compiled to a folder, and a recording for it."""

    def __init__(self, folder: Path, attention: str, snnc) -> None:
        self.folder = folder
        self.model = lively_checkpoint(folder / "net.pt", attention)
        self.out = folder / "out"
        assert snnc("compile", self.model, "-o", self.out)[0] == 0
        self.recording = write_nmnist(folder) / "Test" / "3" / "30000.bin"
        self.events = c_events(read_recording(self.recording))


@pytest.fixture(params=["none", "asa2"])
def made(request, tmp_path, snnc) -> Compiled:
    return Compiled(tmp_path, request.param, snnc)


def test_it_shows_the_spikes_and_scores_of_the_c(made, tmp_path, snnc):
    """As the same C gives them where verification observes it, and ``snnc run`` in the end."""
    (scratch := tmp_path / "scratch").mkdir()
    session = Session(made.out, scratch)
    steps = list(session.steps(made.events))
    assert [step["step"] for step in steps] == list(range(6))
    assert sum(step["count"] for step in steps) == len(made.events)
    _, out, _ = snnc("run", made.out, "--events", made.recording, "--json", "-")
    assert steps[-1]["scores"] == pytest.approx(json.loads(out)["scores"])
    streams = session.manifest["streams"]
    assert all((step["scores"] is not None) == streams for step in steps[:-1])
    source = load_source(str(made.model), Given(name="net"))
    compilation, _ = compiled(source, CompileSettings())
    observed = ObservedModel(compilation.graph, compilation.generated, tmp_path, ("-O1",))
    keys = [(layer.name, "value") for layer in session.layers]
    assert len(keys) == 5
    values = observed.run(None, observe=keys, pushed=Pushed(made.events)).values
    for place, key in enumerate(keys):
        spikes = [step["layers"][place]["spikes"] for step in steps]
        assert spikes == [int(np.count_nonzero(step)) for step in values[key]]
        maps = [base64.b64decode(step["layers"][place]["map"]) for step in steps]
        assert [sum(content) for content in maps] == spikes
    assert sum(spikes) > 0
    again = list(session.steps(made.events))
    assert again == steps


def fetched(server: Server, path: str, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection(HOST, server.server_port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert answer.status != 200 or "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return answer.status, answer.read()


def test_the_server_answers_this_machine_and_its_own_address_alone():
    runs = iter(range(9))
    steps = [{"step": number, "scores": None} for number in range(3)]

    def run():
        next(runs)
        return iter(steps)

    with Server({"name": "</script><b>", "layers": []}, run) as server:
        assert server.server_address[0] == HOST == "127.0.0.1"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            status, page = fetched(server, "/")
            assert status == 200
            assert b"\\u003c/script>" in page
            assert page.count(b"</script>") == 1
            status, lines = fetched(server, "/steps")
            assert [json.loads(line) for line in lines.splitlines()] == steps
            assert fetched(server, "/steps", Host=f"localhost:{server.server_port}")[0] == 200
            assert next(runs) == 2  # each request ran the recording anew
            assert fetched(server, "/", Host="attacker.example")[0] == 403
            assert fetched(server, "/../../etc/passwd")[0] == 404
        finally:
            server.shutdown()
            thread.join()


def test_a_model_that_takes_frames_and_changed_c_are_refused(snnc, tmp_path):
    made = Compiled(tmp_path, "none", snnc)
    source = made.out / "net.c"
    source.write_text(source.read_text().replace("return SNN_OK", "return  SNN_OK"))
    status, _, error = snnc("show", made.out, "--events", made.recording)
    assert status == 2
    assert "net.c is not as it was written" in error


LAYOUT = """
  const canvas = document.getElementById("events"), seen = document.documentElement;
  const lit = one => {
    const data = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
    return data.some((value, at) => at % 4 < 3 && value > 60);
  };
  const range = document.getElementById("time"), said = document.getElementById("said").textContent;
  range.value = 0; range.dispatchEvent(new window.Event("input"));
  return {done: seen.dataset.done, said, first: document.getElementById("said").textContent,
    content: seen.scrollWidth, window: window.innerWidth, events: lit(canvas),
    layers: all(".layer h3 span").map(e => e.textContent), clock: all("output")[0].textContent,
    lit: all(".layer canvas:not(.plot)").map(lit)};
"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium (apt-get install chromium)")
def test_the_page_works_from_disk_at_every_width_and_theme(snnc, tmp_path):
    made, page = Compiled(tmp_path, "none", snnc), tmp_path / "live.html"
    assert snnc("show", made.out, "--events", made.recording, "-o", page)[0] == 0
    _, out, _ = snnc("run", made.out, "--events", made.recording, "--json", "-")
    for width, dark in ((1280, False), (400, True)):
        found = looked_at(page.read_text("utf-8"), LAYOUT, tmp_path, width=width, dark=dark)
        assert found["content"] <= found["window"] == width
        assert found["done"] == "6"
        assert found["said"] == f"Class {json.loads(out)['class']}"
        assert found["first"].endswith(", so far")
        assert found["clock"].startswith("step 1 of 6")
        assert found["layers"] == ["layer1", "layer2", "layer3", "fc1", "fc2"]
        assert found["events"]
        assert any(found["lit"])
