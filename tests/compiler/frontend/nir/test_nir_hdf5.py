"""The HDF5 of NIR files: the same content as the nir package reads, and an end for every file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snnc.compiler.frontend.nir.file import NirOptions, read
from snnc.compiler.frontend.nir.hdf5 import read_hdf5
from snnc.errors import BAD_CHECKPOINT, SnncError
from tests.file_fuzzing import corpus

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install snnc[nir]")
serialization = pytest.importorskip("nir.serialization")

LOOPING = corpus.FOLDER / "nir~a.nir~c6e3bc78"


def written(path: Path, content) -> Path:
    """A file whose group "node" ``content`` fills."""
    with h5py.File(path, "w") as file:
        content(file.create_group("node"))
    return path


def assert_same(ours: object, theirs: object) -> None:
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert list(ours) == list(theirs)
        for name in ours:
            assert_same(ours[name], theirs[name])
    elif isinstance(ours, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_equal(ours, theirs)


def every_type(node) -> None:
    """Values of all types that NIR is written with."""
    text = h5py.string_dtype()
    values = (1, -(2**62), 1.5, True, np.float16(0.1), np.uint8(3), np.nan, b"ab")
    arrays = (np.ones((2, 0)), np.arange(6).reshape(1, 2, 3), np.array([b"a", b"bc"]))
    for index, value in enumerate((*values, *arrays)):
        node.create_dataset(f"v{index:02}", data=value)
    node.create_dataset("text", data="é")
    node.create_dataset("edges", data=np.array([["a", "b é"], ["", "c"]], object), dtype=text)
    node.create_dataset("packed", data=np.arange(1000.0), compression="gzip")
    node.create_dataset("big endian", data=np.arange(3, dtype=">i4"))
    node.create_group("empty").create_group("inner.npy")


def test_the_content_is_what_the_nir_package_reads(tmp_path, shared_data) -> None:
    paths = sorted((shared_data / "nir").glob("*.nir"))
    assert paths
    for path in (*paths, written(tmp_path / "a.nir", every_type)):
        with h5py.File(path) as file:
            assert_same(read_hdf5(path), serialization.hdf2dict(file["node"]))


def refused(path: Path) -> SnncError:
    with pytest.raises(SnncError) as caught:
        read(path, NirOptions("zero", 1.0))
    assert caught.value.code is BAD_CHECKPOINT
    assert caught.value.hint == "Write it again with the current nir package."
    return caught.value


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (lambda node: node.create_dataset("type_check", data=False), "its node is no graph"),
        (lambda node: node.create_dataset("a", data=h5py.Empty("f4")), "it holds no data"),
        (lambda node: node.update({"a": h5py.SoftLink("/node")}), "it is a SoftLink"),
        (lambda node: node.update({"a": node}), "linked twice"),
        (lambda node: node.create_dataset("a", data=1j), "not numbers or text"),
    ],
    ids=["an argument", "empty", "soft link", "circle", "complex"],
)
def test_what_is_no_graph_is_refused(content, what: str, tmp_path) -> None:
    assert what in refused(written(tmp_path / "a.nir", content)).what


def test_data_in_the_place_of_the_graph_are_refused(tmp_path) -> None:
    with h5py.File(tmp_path / "a.nir", "w") as file:
        file["node"] = 3
    assert "its node is no graph" in refused(tmp_path / "a.nir").what


def test_a_file_on_which_libhdf5_loops_is_refused_in_time(snnc, tmp_path) -> None:
    (tmp_path / "a.nir").write_bytes(LOOPING.read_bytes())
    given = ("--nir-reset", "zero", "--nir-dt", 1, "--time-steps", 3)
    status, _, err = snnc("check", tmp_path / "a.nir", *given)
    assert status == 2
    assert f"{tmp_path}/a.nir: the nir package cannot read it (the decoder comes to no end)" in err
    assert "Write it again with the current nir package." in err
