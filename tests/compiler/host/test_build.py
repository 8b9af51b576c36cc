"""Compiling generated C on this machine."""

from __future__ import annotations

import pytest

from snnc.compiler.host.build import compile_shared
from snnc.errors import C_COMPILER_FAILED, SnncError


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_misspelt_kernel_is_an_error_where_it_is_called(compiler, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", compiler)
    source = tmp_path / "model.c"
    source.write_text("void layer(void);\nvoid layer(void) { snn_convolve_f32(1); }\n")
    with pytest.raises(SnncError, match="snn_convolve_f32") as caught:
        compile_shared(source, tmp_path / "model.so", flags=())
    assert caught.value.code is C_COMPILER_FAILED
