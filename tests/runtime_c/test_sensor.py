"""From the sensor: decoders of event streams, the queue between interrupt and program, and a stream
of bytes that becomes a decision on an emulated board."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pytest

from snnc.compiler.codegen.abi import EVENT_DTYPE
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.targets import target_named
from snnc.models.datasets.readers import evt_streams
from tests.compiler.deploy.test_firmware import compiled, framed, need, recording
from tests.support.places import ROOT
from tests.support.recordings.evt import Event, evt2, evt3, evt21, in_rows, listed

WRAPPER = """
#include "snn/sensor/aer.h"
#include "snn/sensor/evt.h"
#include "snn/sensor/ring.h"
snn_evt_decoder decoder;
void start(int format, int width, int height) { snn_evt_start(&decoder, format, width, height); }
size_t decode(const unsigned char *b, size_t n, snn_event *e, size_t room, size_t *taken) {
    return snn_evt_decode(&decoder, b, n, e, room, taken);
}
uint32_t outside(void) { return decoder.outside; }
uint32_t untimed(void) { return decoder.untimed; }
snn_event slots[8];
snn_event_ring ring = {slots, 7, 0xFFFFFFF0u, 0xFFFFFFF0u, 0};
size_t put(const snn_event *e, size_t n) { return snn_ring_put(&ring, e, n); }
size_t take(snn_event *e, size_t n) { return snn_ring_take(&ring, e, n); }
uint32_t dropped(void) { return ring.dropped; }
int aer(uint32_t word, uint32_t t, snn_event *e) {
    static const snn_aer_layout dvs128 = {128, 100, 1, 7, 8, 7, 0, 0};
    return snn_aer_event(&dvs128, word, t, e);
}
"""
DECLARED = """
void start(int format, int width, int height);
size_t decode(const unsigned char *b, size_t n, void *e, size_t room, size_t *taken);
uint32_t outside(void); uint32_t untimed(void);
size_t put(const void *e, size_t n); size_t take(void *e, size_t n); uint32_t dropped(void);
int aer(uint32_t word, uint32_t t, void *e);
"""
FORMATS = {
    "evt2": (0, evt2),
    "evt21": (1, evt21),
    "evt21-imx636": (2, lambda events: evt21(events, upper_first=True)),
    "evt3": (3, evt3),
}


class Sensor:
    """The C, through cffi."""

    def __init__(self, library: Path) -> None:
        self.ffi = cffi.FFI()
        self.ffi.cdef(DECLARED)
        self.c: Any = self.ffi.dlopen(str(library))

    def decode(self, data: bytes, piece: int, room: int) -> list[Event]:
        """All events of bytes that come in pieces, a few at a time."""
        found: list[Event] = []
        for start in range(0, len(data), piece):
            part, at = data[start : start + piece], 0
            while True:
                events, taken = np.zeros(room, EVENT_DTYPE), self.ffi.new("size_t *")
                n = self.c.decode(part[at:], len(part) - at, self.pointer(events), room, taken)
                found += listed(events[:n])
                at += taken[0]
                if not n and at == len(part):
                    break
        return found

    def pointer(self, events: np.ndarray) -> Any:
        return self.ffi.from_buffer(events, require_writable=True)


@pytest.fixture(scope="module")
def sensor(tmp_path_factory) -> Sensor:
    folder = tmp_path_factory.mktemp("sensor")
    (folder / "w.c").write_text(WRAPPER)
    flags = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    runtime = f"-I{ROOT / 'runtime_c' / 'include'}"
    command = ["gcc", *flags, runtime, "w.c", "-o", "w.so"]
    subprocess.run(command, cwd=folder, check=True)
    return Sensor(folder / "w.so")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("piece", "room"), [(10_000_000, 4096), (1, 1), (7, 5)])
def test_a_stream_gives_the_events_that_were_written(name, piece, room, sensor):
    code, written = FORMATS[name]
    events = [tuple(e) for e in in_rows(0, 320, 240, 3000, 40_000_000).tolist()]
    assert len({t >> 24 for t, *_ in events}) == 3, "EVT 3's time goes round"
    sensor.c.start(code, 320, 240)
    assert sensor.decode(written(events), piece, room) == events
    assert (sensor.c.outside(), sensor.c.untimed()) == (0, 0)


@pytest.mark.parametrize("name", FORMATS)
def test_what_cannot_be_is_counted_and_left_out(name, sensor):
    code, written = FORMATS[name]
    events = [tuple(e) for e in in_rows(1, 64, 48, 2000, 4000).tolist()]
    sensor.c.start(code, 40, 30)
    inside = [(t, x, y, p) for t, x, y, p in events if x < 40 and y < 30]
    assert sensor.decode(written(events), 64, 16) == inside
    assert sensor.c.outside() == len(events) - len(inside) > 100


@pytest.mark.parametrize("name", FORMATS)
def test_noise_never_gives_an_event_that_the_sensor_cannot(name, sensor):
    code, _ = FORMATS[name]
    noise = np.random.default_rng(2).integers(0, 256, 200_000, np.uint8).tobytes()
    sensor.c.start(code, 320, 320)
    events = sensor.decode(noise, 1000, 64)
    assert len(events) > 100
    assert all(x < 320 and y < 320 and p in (0, 1) for _, x, y, p in events)


WHOLE = {
    "evt2": (evt_streams.evt2, "<u4", [0x8000_0000]),
    "evt21": (evt_streams.evt21, "<u4", [0, 0x8000_0000]),
    "evt21-imx636": (evt_streams.evt21_upper_first, "<u4", [0x8000_0000, 0]),
    "evt3": (evt_streams.evt3, "<u2", [0x8000, 0x6000, 0x0000, 0x3000]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_files_are_read_as_streams_are(name, sensor):
    """Of any words at all, once time, row and column are known, the reader of .raw files makes what
    the C makes."""
    whole, kind, first = WHOLE[name]
    noise = np.random.default_rng(4).integers(0, 256, 160_000, np.uint8).tobytes()
    data = np.array(first, kind).tobytes() + noise
    sensor.c.start(FORMATS[name][0], 2048, 2048)
    streamed = sensor.decode(data, 1_000_000, 4096)
    found = whole(data, "noise")
    kept = found[found["x"] < 2048]
    assert len(streamed) > 4000
    assert len(found) - len(kept) == sensor.c.outside()
    assert [(t % 2**32, x, y, p) for t, x, y, p in listed(kept)] == streamed


@pytest.mark.parametrize(("name", "bytes_lost"), [("evt2", 4), ("evt21", 8), ("evt3", 4)])
def test_events_without_a_time_are_counted(name, bytes_lost, sensor):
    """A stream that is joined after its first time words, until the next ones come."""
    code, written = FORMATS[name]
    events: list[Event] = [(100, 3, 4, 1), (100, 9, 4, 0), (70_000, 5, 6, 1)]
    sensor.c.start(code, 320, 320)
    assert sensor.decode(written(events)[bytes_lost:], 64, 16) == events[2:]
    assert sensor.c.untimed() == 2


def test_an_aer_word_is_an_event(sensor):
    """DVS128: row in bits 8 to 14, column in 1 to 7, polarity inverted in bit 0."""
    event = np.zeros(1, EVENT_DTYPE)
    assert sensor.c.aer(99 << 8 | 127 << 1 | 0, 77, sensor.pointer(event)) == 1
    assert listed(event) == [(77, 127, 99, 1)]
    assert sensor.c.aer(99 << 8 | 5 << 1 | 1, 78, sensor.pointer(event)) == 1
    assert listed(event) == [(78, 5, 99, 0)]
    assert sensor.c.aer(100 << 8, 79, sensor.pointer(event)) == 0


def test_a_storm_drops_the_newest_and_counts_them(sensor):
    """Eight slots, indices that go round 2^32, bursts of up to 20 events, takes of up to 5."""
    rng, sent, kept, got = np.random.default_rng(4), 0, [], []
    before = sensor.c.dropped()
    for _ in range(500):
        burst = np.zeros(rng.integers(0, 20), EVENT_DTYPE)
        burst["t_us"] = np.arange(sent, sent + len(burst))
        burst["x"] = burst["t_us"] % 320
        sent += len(burst)
        n = sensor.c.put(sensor.pointer(burst), len(burst)) if len(burst) else 0
        kept += listed(burst[:n])
        room = np.zeros(rng.integers(1, 6), EVENT_DTYPE)
        got += listed(room[: sensor.c.take(sensor.pointer(room), len(room))])
    rest = np.zeros(8, EVENT_DTYPE)
    got += listed(rest[: sensor.c.take(sensor.pointer(rest), 8)])
    assert got == kept
    assert sensor.c.dropped() - before == sent - len(kept) > 1000


MAIN = """#include "board.h"
#include "net.h"
#include "snn/sensor/evt.h"
#include "snn/sensor/ring.h"

SNN_DEFINE_PUSH_EVT(net)

static unsigned char arena[NET_ARENA_BYTES] __attribute__((aligned(NET_ARENA_ALIGNMENT)));
static const unsigned char stream[] = {%s};
static const int32_t expected[] = {%s};
static snn_event slots[64];
static snn_event_ring ring = {slots, 63, 0, 0, 0};
static net_net net;

static int wrong(void) {
    int32_t scores[NET_NUM_CLASSES];
    int differ = net_run(&net) != SNN_OK || net_scores(&net, scores) != SNN_OK;
    for (int i = 0; i < NET_NUM_CLASSES; i++) {
        differ += scores[i] != expected[i];
    }
    return differ;
}

/* Bytes straight into the network, in pieces that cut words. */
static int pushed(void) {
    snn_evt_decoder decoder;
    snn_evt_start(&decoder, SNN_EVT_3, NET_SENSOR_WIDTH, NET_SENSOR_HEIGHT);
    for (size_t at = 0; at < sizeof stream; at += 5) {
        const size_t left = sizeof stream - at;
        if (net_push_evt(&net, &decoder, stream + at, left < 5 ? left : 5) != SNN_OK) {
            return 1;
        }
    }
    return wrong() || decoder.outside || decoder.untimed;
}

/* Through the queue, as an interrupt would fill it. */
static int queued(void) {
    snn_evt_decoder decoder;
    snn_event events[32];
    size_t at = 0, taken, found;
    snn_evt_start(&decoder, SNN_EVT_3, NET_SENSOR_WIDTH, NET_SENSOR_HEIGHT);
    do {
        found = snn_evt_decode(&decoder, stream + at, sizeof stream - at, events, 32, &taken);
        at += taken;
        (void)snn_ring_put(&ring, events, found);
        if (net_push_events(&net, events, snn_ring_take(&ring, events, 32)) != SNN_OK) {
            return 1;
        }
    } while (found || at < sizeof stream);
    return wrong() || ring.dropped;
}

int main(void) {
    int failures = net_init(&net, arena, sizeof arena) != SNN_OK;
    failures += pushed();
    failures += net_reset(&net) != SNN_OK;
    failures += queued();
    board_write(failures ? "FAIL\\n" : "PASS 1 recordings\\n");
    return failures;
}
"""


@pytest.mark.parametrize("name", ["cortex-m0", "riscv32"])
def test_a_stream_of_bytes_is_decided_on_the_board_as_on_the_host(name, tmp_path):
    need(name)
    net = compiled("none", 10, channels=(4, 4, 4), hidden=8)
    events = recording(5, 10, 600)
    vector = firmware.vector(net, framed(events, 10), events)
    firmware.write_project(tmp_path, net, target_named(name), [vector])
    data = ", ".join(map(str, evt3(listed(events))))
    scores = ", ".join(map(str, vector.scores))
    assert len(set(vector.scores)) > 1
    (tmp_path / "board" / "main.c").write_text(MAIN % (data, scores))
    done = subprocess.run(
        ["make", "-s", "run", "OBJECTS=" + " ".join(f"build/{o}.o" for o in OBJECTS)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PASS" in done.stderr, done.stderr + done.stdout


OBJECTS = ("library", "main", "startup", "semihosting", "memory")
