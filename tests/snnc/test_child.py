"""A decoder in a process of its own: whatever it does, it ends in arrays or in one error."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from snnc import child
from snnc.child import read_in_child
from snnc.compiler.frontend.nir import hdf5
from snnc.errors import BAD_RECORDING, OVER_LIMIT, SnncError
from snnc.models.datasets.readers import aedat4


@pytest.fixture
def decoded(tmp_path: Path):
    """What a decoder of these lines makes of a file that holds "abc"."""

    def run(*lines: str):
        (tmp_path / "decoder.py").write_text(
            "import numpy as np\ndef decode(path):\n" + "".join(f"    {line}\n" for line in lines)
        )
        (tmp_path / "a b").write_bytes(b"abc")
        return read_in_child(
            tmp_path / "decoder.py",
            tmp_path / "a b",
            lambda reason: SnncError(BAD_RECORDING, f"no: {reason}", where="a b"),
        )

    return run


def test_arrays_come_back(decoded) -> None:
    arrays = decoded(
        "content = np.frombuffer(open(path, 'rb').read(), np.uint8)",
        "return {'content': content, 'scalar': np.float16(1.5)}",
    )
    assert list(arrays) == ["content", "scalar"]
    assert arrays["content"].tobytes() == b"abc"
    assert arrays["scalar"] == 1.5
    assert arrays["scalar"].dtype == np.float16


def test_an_error_of_ours_comes_back_whole(decoded) -> None:
    with pytest.raises(SnncError) as caught:
        decoded(
            "from snnc.errors import OVER_LIMIT, SnncError",
            "raise SnncError(OVER_LIMIT, 'too much', where='here\\x1b', hint='Take less.')",
        )
    error = caught.value
    given = (error.code, error.what, error.where, error.hint)
    assert given == (OVER_LIMIT, "too much", "here\\x1b", "Take less.")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["raise KeyError('x')"], "KeyError: 'x'"),
        (["import os", "os.abort()"], "the decoder broke down on it"),
        (["import os", "os._exit(3)"], "the decoder broke down on it"),
        (["while True: pass"], "the decoder comes to no end"),
        (["sum(range(10**15))"], "the decoder comes to no end"),
        (["import time", "time.sleep(100)"], "the decoder comes to no end"),
        ([f"np.empty({child.MEMORY_BYTES}, np.uint8)"], "MemoryError: Unable to allocate"),
    ],
    ids=["exception", "abort", "exit", "loop", "loop in C", "waits", "memory"],
)
def test_whatever_breaks_it_is_a_refusal(decoded, lines, reason, monkeypatch) -> None:
    monkeypatch.setattr(child, "PROCESSOR_S", 0.2)
    if "time.sleep(100)" in lines:
        monkeypatch.setattr(child, "PATIENCE_S", 1.0)
    started = time.monotonic()
    with pytest.raises(SnncError, match="no: ") as caught:
        decoded(*lines)
    assert caught.value.code is BAD_RECORDING
    assert reason in caught.value.what
    assert time.monotonic() - started < 60


def test_checked_data_are_given_memory_and_time(decoded, monkeypatch) -> None:
    monkeypatch.setattr(child, "PROCESSOR_S", 0.2)
    arrays = decoded(
        "import time",
        "from snnc.child import allow",
        f"allow({child.MEMORY_BYTES})",
        f"held = np.empty({child.MEMORY_BYTES}, np.uint8)",
        "while time.process_time() < 1: pass",
        "return {'size': np.array(held.size)}",
    )
    assert arrays["size"] == child.MEMORY_BYTES


def test_no_pickled_object_is_taken(decoded) -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        decoded("return {'a': np.array([print], object)}")


@pytest.mark.parametrize(
    ("decoder", "package"), [(hdf5.DECODER, "h5py"), (aedat4.DECODER, "aedat")], ids=["NIR", "4"]
)
def test_decoders_start_without_torch(decoder: Path, package: str) -> None:
    pytest.importorskip(package)
    look = f"import runpy, sys; runpy.run_path({str(decoder)!r}); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=Path.cwd()
    ).stdout.split()
    assert package in loaded
    assert not {"torch", "networkx", "nir", "PIL"} & set(loaded)
