"""The roofline of this machine, and how near a layer comes to it."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import as_file, files
from typing import Any

from snnc.atomic import scratch_folder
from snnc.bench.profile import NodeProfile
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.toolchain import c_compiler, compile_to

WEIGHT_BYTES = 4


def roofline() -> dict[str, Any]:
    """Measure now: ``l1_load_gb_s``, ``l2_load_gb_s``, ``l3_load_gb_s`` (10⁹ bytes a second,
    each loaded vector added to a sum), ``adds_g_s`` (10⁹ float additions a second) and ``vector``,
    the vector code.

    Raises:
        SnncError: NO_C_COMPILER, C_COMPILER_FAILED.
    """
    with (
        scratch_folder() as folder,
        as_file(files("snnc") / "bench" / "roofline.c") as source,
        as_file(files("snnc") / "runtime_c" / "include") as include,
    ):
        program = folder / "roofline"
        flags = ("-std=c99", "-O3", "-ffp-contract=off", *NATIVE)
        compile_to(program, [*c_compiler(), *flags, f"-I{include}", str(source)], source)
        said = subprocess.run([str(program)], capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(said.stdout)
    return result


def layer_entries(profiles: list[NodeProfile], roof: dict[str, Any]) -> list[dict[str, Any]]:
    """JSON entries of the profiled nodes, weighted sums with their share of the roofline.

    An accumulation or a product takes one weight, so ``weights_gb_s`` is 4 bytes of each over the
    time; a dense kernel keeps a weight in a register for several pixels and may exceed the
    bandwidth of the first cache.
    """
    entries = []
    for node in profiles:
        entry: dict[str, Any] = {
            "name": node.name,
            "op": node.op,
            "kernel": node.kernel,
            "ms": node.milliseconds,
            **node.counts,
        }
        sums = node.counts["ac"] + node.counts["mac"]
        if node.float_layer and sums:
            rate = 1e-6 * WEIGHT_BYTES * sums / node.milliseconds
            entry |= {
                "input_density": node.input_density,
                "weights_gb_s": rate,
                "of_l1_roof": rate / roof["l1_load_gb_s"],
                "of_l2_roof": rate / roof["l2_load_gb_s"],
                "of_add_roof": rate / WEIGHT_BYTES / roof["adds_g_s"],
            }
        entries.append(entry)
    return entries
