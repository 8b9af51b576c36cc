"""Files that are no files, numbers that are too large, names that a terminal would obey."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from snnc import limits
from snnc.compiler.frontend.given import Given
from snnc.compiler.frontend.source import load_source
from snnc.console import Terminal
from snnc.errors import BAD_OPTION, BAD_RECORDING, BAD_WEIGHTS, OVER_LIMIT, SnncError
from snnc.messages import first_sentence, printable, shown
from snnc.models.checkpoints import InputDescription
from snnc.models.datasets.events import Recording, pack_events
from tests.support.networks.lively import lively_checkpoint, write_nmnist

SECONDS = 300
"""A case that waits for a pipe never ends; machines of many tests are slow."""

OPTIONS = ("--input-shape", "2,4,4", "--time-steps", 3)


@pytest.fixture
def special(tmp_path: Path):
    """Makes things that are no regular files, at a path."""
    sockets = []

    def make(kind: str, path: Path) -> Path:
        if kind == "named pipe":
            os.mkfifo(path)
        elif kind == "directory":
            path.mkdir()
        elif kind == "socket":
            sockets.append(socket.socket(socket.AF_UNIX))
            os.chdir(path.parent)  # the path of a socket may be 107 bytes long
            sockets[-1].bind(path.name)
        else:
            path.symlink_to("/dev/zero")
        return path

    before = Path.cwd()
    yield make
    os.chdir(before)
    for each in sockets:
        each.close()


def refused(snnc, *args: object) -> str:
    """The sentence with which a command refuses, in time."""
    timer = threading.Timer(SECONDS, os._exit, [99])  # nothing else ends a read that waits
    timer.start()
    try:
        status, _, err = snnc(*args)
    finally:
        timer.cancel()
    assert status in (1, 2), err
    assert len(err.strip().splitlines()) == 1, err
    assert "E901" not in err
    return err


@pytest.mark.parametrize("kind", ["named pipe", "directory", "socket", "device"])
@pytest.mark.parametrize(
    "command",
    [
        ("check", "a.pt"),
        ("check", "a.nir", "--nir-reset", "zero", "--nir-dt", 1, "--time-steps", 3),
        ("check", "tests.file_fuzzing.models:factory", "--weights", "a.pth", *OPTIONS),
        (
            "convert",
            "a.pth",
            "--network",
            "three-layer",
            "--time-steps",
            4,
            "--dt-us",
            9,
            "-o",
            "b",
        ),
        ("train", "--config", "a.toml"),
    ],
    ids=["checkpoint", "nir", "weights", "authors", "config"],
)
def test_only_regular_files_are_models(kind, command, special, snnc, tmp_path, monkeypatch):
    name = next(word for word in command if str(word).startswith("a."))
    special(kind, tmp_path / str(name))
    monkeypatch.chdir(tmp_path)
    assert kind in refused(snnc, *command)


@pytest.mark.parametrize("kind", ["named pipe", "directory", "socket", "device"])
def test_only_regular_files_are_recordings(kind, special, snnc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = lively_checkpoint(tmp_path / "model.pt")
    special(kind, tmp_path / "a.bin")
    says = "a folder alone" if kind == "directory" else kind
    assert says in refused(snnc, "verify", model, "--data", "a.bin")
    data = write_nmnist(tmp_path / "data")
    (data / "Test/0/00000.bin").unlink()
    special(kind, data / "Test/0/00000.bin")
    assert kind in refused(snnc, "verify", model, "--data", f"nmnist:{data}", "--samples", 1)


@pytest.mark.parametrize("steps", [10**5, 10**9, 10**30])
@pytest.mark.parametrize(
    "command",
    [
        ("check", "tests.file_fuzzing.models:factory", "--input-shape", "2,4,4", "--time-steps"),
        (
            "train",
            "three-layer",
            "--data",
            "gesture-sim",
            "-o",
            "m.pt",
            "--dt-us",
            9,
            "--time-steps",
        ),
    ],
    ids=["check", "train"],
)
def test_too_many_steps_are_refused_before_anything_is_allocated(command, steps, snnc) -> None:
    started = time.process_time()
    assert "time steps of a window" in refused(snnc, *command, steps)
    assert time.process_time() - started < 2


def test_a_checkpoint_of_many_steps_or_units_in_few_bytes_is_refused(snnc, tmp_path) -> None:
    path = lively_checkpoint(tmp_path / "model.pt")
    sound = torch.load(path, weights_only=True)

    def written(change) -> Path:
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, tmp_path / "changed.pt")
        return tmp_path / "changed.pt"

    steps = written(
        lambda c: (c["hyper"].update(time_steps=10**9), c["input"].update(time_steps=10**9))
    )
    assert "SNNC-E601" in refused(snnc, "check", steps)

    def widen(content) -> None:
        content["hyper"]["hidden"] = wide = 10**7
        for name, axis in (("fc1", 0), ("fc2", 1)):
            key = f"{name}.synapse.layers.linear.weight"
            shape = list(sound["state_dict"][key].shape)
            shape[axis] = wide
            content["state_dict"][key] = torch.ones(1).expand(shape)

    assert "repeats fewer numbers" in refused(snnc, "check", written(widen))


def test_a_window_of_more_numbers_than_a_tensor_may_have_is_refused() -> None:
    with pytest.raises(SnncError, match="numbers in one tensor") as caught:
        InputDescription(10_000, 10_000, 16, dt_us=1)
    assert caught.value.code is OVER_LIMIT
    with pytest.raises(SnncError, match="dt_us must be a whole number") as caught:
        InputDescription(10, 10, 16, dt_us=2**31)
    assert caught.value.code is BAD_OPTION


def test_limits_are_changed_by_the_environment(monkeypatch) -> None:
    limits.check("time_steps", 2**14)
    with pytest.raises(SnncError, match="at most 16,384") as caught:
        limits.check("time_steps", 2**14 + 1)
    assert caught.value.code is OVER_LIMIT
    monkeypatch.setenv(limits.VARIABLE, "time_steps=20000, events=5")
    limits.check("time_steps", 20_000)
    with pytest.raises(SnncError, match="at most 5"):
        limits.check("events", 6)
    for wrong in ("steps=3", "events", "events=-1", "events=1e9", "events=" + "9" * 30):
        monkeypatch.setenv(limits.VARIABLE, wrong)
        with pytest.raises(SnncError, match="is not NAME=NUMBER") as caught:
            limits.check("events", 6)
        assert caught.value.code is BAD_OPTION


@pytest.mark.parametrize("name", ["a.bin", "a.aedat"])
def test_more_events_than_the_limit_are_refused(name, snnc, tmp_path, monkeypatch) -> None:
    from tests.support.recordings.recording_writers import aedat2_bytes, nmnist_bytes

    columns = ([1, 2, 3], [1, 1, 1], [2, 2, 2], [0, 0, 0])
    (tmp_path / name).write_bytes((nmnist_bytes if name == "a.bin" else aedat2_bytes)(columns))
    model = lively_checkpoint(tmp_path / "model.pt")
    monkeypatch.setenv(limits.VARIABLE, "events=2")
    assert "3 events of a recording" in refused(snnc, "verify", model, "--data", tmp_path / name)
    monkeypatch.setenv(limits.VARIABLE, "file_bytes=10")
    assert "bytes of a file" in refused(snnc, "verify", model, "--data", tmp_path / name)


def test_times_far_apart_are_refused_before_they_overflow() -> None:
    times = np.array([-(2**62), 2**62])
    with pytest.raises(SnncError, match="microseconds from a recording's first") as caught:
        Recording(pack_events(times, times * 0, times * 0, times * 0), (4, 4), "a")
    assert caught.value.code is OVER_LIMIT
    times = np.array([2**62, -(2**63)])
    with pytest.raises(SnncError, match="comes after") as caught:
        Recording(pack_events(times, times * 0, times * 0, times * 0), (4, 4), "a")
    assert caught.value.code is BAD_RECORDING


# --- text of others ----------------------------------------------------------------------

HOSTILE = "a\x1b[2J\r\x00\x07\u202eb\ud800é\n"


def test_control_characters_are_written_as_escapes() -> None:
    assert printable(HOSTILE) == "a\\x1b[2J\\r\\x00\\x07\\u202eb\\ud800é\n"
    assert printable("a\u200db\u00a0c\u2028d\ue577e\U000d7078") == (
        "a\\u200db\\xa0c\\u2028d\\ue577e\\U000d7078"
    )
    assert printable("plain é 字 🙂 \t") == "plain é 字 🙂 \t"


def test_messages_and_tables_hold_no_control_characters(capsys) -> None:
    error = SnncError(BAD_WEIGHTS, HOSTILE.strip(), where=HOSTILE.strip(), hint=HOSTILE.strip())
    assert str(error).isprintable()
    Terminal().print(HOSTILE)
    assert "\x1b[2J" not in capsys.readouterr().out


def test_a_file_with_such_a_name_is_named_in_escapes(snnc) -> None:
    assert "\\x1b[2J" in refused(snnc, "check", "\x1b[2J.pt")
    assert "null" in refused(snnc, "check", "a\0.pt")


def test_the_first_sentence_of_an_error_is_kept() -> None:
    trace = "Expected 3 but got 4. More.\nException raised from check at x.cpp:1 (most recent call)"
    assert first_sentence(RuntimeError(trace)) == "RuntimeError: Expected 3 but got 4"
    assert first_sentence(ValueError("")) == "ValueError"
    assert first_sentence(OSError("no a.txt here")) == "OSError: no a.txt here"
    assert len(first_sentence(ValueError("x" * 10_000))) < 400


def test_a_value_in_a_message_is_short() -> None:
    assert shown(10**5000) == "a number of 16610 bits"
    assert len(shown("x" * 10_000)) < 200
    nested: list = []
    for _ in range(100):
        nested = [nested, nested]
    assert len(shown(nested)) < 200


# --- the user's path ---------------------------------------------------------------------


def test_what_a_factory_puts_on_the_path_stays(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "lazy_part.py").write_text("WIDTH = 3\n")
    (tmp_path / "own_factory.py").write_text(
        "import sys\nsys.path.insert(0, '/users/own')\n"
        "def make():\n    from lazy_part import WIDTH\n    import torch\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.Linear(8, WIDTH))\n"
    )
    before = list(sys.path)
    load_source("own_factory:make", Given(input_shape=(8,), time_steps=2))
    assert sys.path == ["/users/own", *before]
