"""Pointers into one arena: GCC 12.2 (its bug 110702) leaves the layer of this file out
where it knows how far its two values lie apart."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from snnc.compiler.codegen.statements import declaration
from snnc.compiler.host.build import compile_shared
from snnc.compiler.plan.arena import Buffer as Placed
from snnc.compiler.plan.arena import plan
from snnc.compiler.program.values import Buffer, Slot, View

STEPS, ROWS, COLUMNS = 3, 2, 25
NUMBERS = ROWS * COLUMNS

LAYER = """\
#include "snn/snn.h"
typedef struct {{ unsigned char *arena; }} turning_net;
static const int32_t walk[] = {{2, 25, 1, 25, 1, 2}};

SNN_LAYER void turned(turning_net *net, int32_t t) {{
    {given}
    {made}
    {kernel}(2, walk, 0, 0, given, made);
}}

void turning_step(turning_net *net, int32_t t);
void turning_step(turning_net *net, int32_t t) {{
    turned(net, t);
}}
"""


@pytest.mark.parametrize("level", ["-O1", "-O2", "-O3"])
@pytest.mark.parametrize(
    ("kernel", "c_type"), [("snn_move_real", "float"), ("snn_move_count", "uint16_t")]
)
def test_a_layer_that_walks_two_values_of_one_arena_is_not_left_out(
    kernel, c_type, level, tmp_path
):
    given = Buffer("given", "stored", c_type, NUMBERS, STEPS, "value", 0, "given")
    made = Buffer("made", "values", c_type, NUMBERS, 1, "value", 0, "made")
    placed = plan([Placed(b.name, b.role, b.size, 0, 1) for b in (given, made)])
    source = tmp_path / "turning.c"
    text = LAYER.format(
        kernel=kernel,
        given=declaration(View("given", given, Slot("step")), placed),
        made=declaration(View("made", made), placed),
    )
    source.write_text(text)
    compile_shared(source, tmp_path / "turning.so", flags=(level,))
    arena = np.zeros(placed.size, np.uint8)
    dtype = {"float": np.float32, "uint16_t": np.uint16}[c_type]
    values = np.arange(1, STEPS * NUMBERS + 1, dtype=dtype).reshape(STEPS, ROWS, COLUMNS)
    at = placed.offsets["given"]
    arena[at : at + values.nbytes] = values.view(np.uint8).ravel()
    library = ctypes.CDLL(str(tmp_path / "turning.so"))
    library.turning_step(ctypes.byref(ctypes.c_void_p(arena.ctypes.data)), ctypes.c_int32(1))
    at = placed.offsets["made"]
    found = arena[at : at + made.size].view(dtype).reshape(COLUMNS, ROWS)
    np.testing.assert_array_equal(found, values[1].T)
