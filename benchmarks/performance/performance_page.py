"""Writes docs/performance.md and its plots from the results of benchmarks/performance/run.py.

A machine with other vectors has a page of its own beside it, docs/performance-avx2.md say, and no
run touches the page of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from growth_page import growth_lines, milliseconds
from markdown_table import table_lines
from page_merge import merged
from redundancy_page import redundancy_lines

PARTS = ("table", "fit", "growth", "threads", "compile", "weights")
"""Those that take time, and so name the machine."""

DOCS = Path(__file__).parents[2] / "docs"

HOW = """\
Every figure comes from one process pinned to one core, all contestants taking turns on the same
inputs, one round that does not count and then {rounds} that do; times are medians in milliseconds
of one whole window, from frames to class scores. `make bench` measures all again and rewrites
this page.

Networks have random weights. Batch norms take their statistics from the window, and each layer's
threshold is moved until the layer fires at the wanted rate on it: nothing is injected, the spikes
are the network's own. The window holds random event counts of the same density. A **ratio** is the
fastest peer's time over ours; by processor time it leaves out the waiting on a shared machine. The
fastest peer is often our own dense kernels, which fold the pools into the convolutions like the
event-driven ones do; the last column compares with the fastest of the other projects. Our memory
lies in pages of 2 MiB where the system gives them when asked, as `snnc run` and `verify` ask too.

- `pytorch_eager`: all steps in one batch, channels-last; `_channels_first`: PyTorch's default
  layout; `_step_by_step`: one step after the other, as a stream would.
- `torch_compile`: inductor, the neurons' loop unrolled and fused.
- `onnxruntime_f32`, `onnxruntime_int8_qdq`: exported with the neurons unrolled; int8 quantises
  convolutions and matrix products statically (QDQ, a scale per channel), neurons stay float32.
- `openvino_f32`, `openvino_int8_qdq`, `mnn_f32`: the same exported networks in OpenVINO and MNN, in
  float32 where their default would be 16 bits. Where a processor has no VNNI, weights of int8 peers
  have 7 bits, as sums of 16 bits would saturate.
- `spikingjelly_multi_step`: SpikingJelly's LIFNode in the same network.
- `snnc int8`: `snnc compile --dtype int8`, calibrated on the same window.
- `snnc_dense_f32`: our own dense kernels, no branch on activity.
- `qualia_codegen_c`: Qualia-CodeGen's float32 C, in its own environment, batch norm folded.
"""


FIRST = "avx512"
"""The vector code of the page that the others stand beside."""


def page_name(vector: str) -> str:
    """The page of machines with this vector code, without its ending."""
    return "performance" if vector == FIRST else f"performance-{vector}"


def write(results: dict[str, Any], vector: str = FIRST) -> None:
    """Write the page of machines with a vector code from whatever parts have been measured; what
    was measured before stays."""
    name = page_name(vector)
    parts = ["# Performance", "", *_other_pages(name)]
    first = next((results[key] for key in PARTS if key in results), None)
    if first is None:
        return
    parts += [HOW.format(rounds=first["rounds"]), _machine(results), ""]
    if "table" in results:
        parts += _table(results["table"])
    if "fit" in results:
        parts += _prices(results["fit"])
    if "growth" in results:
        parts += growth_lines(results["growth"], DOCS / name)
    if "threads" in results:
        parts += _threads(results["threads"]["rows"])
    if "redundancy" in results:
        parts += redundancy_lines(results["redundancy"]["models"])
    if "compile" in results:
        parts += _compile(results["compile"], results.get("weights"))
    page, text = DOCS / f"{name}.md", "\n".join(parts).rstrip() + "\n"
    if page.exists():
        text = merged(text, page.read_text(encoding="utf-8"), PARTS)
    page.write_text(text, encoding="utf-8")


def _other_pages(name: str) -> list[str]:
    """Links to the pages of other machines that have been measured."""
    others = sorted(path.stem for path in DOCS.glob("performance*.md") if path.stem != name)
    links = ", ".join(f"[{other}]({other}.md)" for other in others)
    return [f"Other machines: {links}.", ""] if others else []


def _machine(results: dict[str, Any]) -> str:
    rows = []
    for key in PARTS:
        if key in results:
            who = results[key]["machine"]
            load = f"{who['load'].split()[0]} before, {who['load_after'].split()[0]} after"
            what = [who.get("features", ""), who.get("caches", "")]
            rows.append([key, who["cpu"], *what, who["torch"], load])
    heads = ["part", "processor", "instruction sets", "caches", "PyTorch"]
    heads.append("machine's load (1 is this run alone)")
    return "\n".join(table_lines(heads, rows))


def _table(part: dict[str, Any]) -> list[str]:
    lines = ["## Against dense peers", ""]
    heads = [
        "network",
        "density",
        "ours, dtype",
        "ours, ms",
        "fastest peer",
        "ratio",
        "wanted",
        "ratio by processor time",
        "ratio to other projects",
    ]
    rows = [
        cells
        for row in part["rows"]
        for dtype, kind, goal in COMPARISONS
        for cells in _comparison(row, dtype, kind, row["wanted"][goal])
    ]
    lines += [*table_lines(heads, rows), "", *_all_peers(part["rows"]), *_layers(part)]
    return lines


COMPARISONS = (
    ("f32", "ratio", "f32"),
    ("int8", "ratio_int8_peers", "int8"),
    ("int8", "ratio", "int8_to_f32"),
)
"""Our dtype, the peers it is compared with, and the name of the goal (grid.py)."""


def _comparison(
    row: dict[str, Any], dtype: str, kind: str, goal: float | None
) -> Iterable[list[str]]:
    wanted = "" if goal is None else f"≥ {goal:g}"
    first = [row["title"], f"{row['density']:g}", dtype]
    if dtype not in row.get(kind, {}):
        precision = "int8" if kind == "ratio_int8_peers" else "float32"
        yield [*first, "", f"{precision}: not measured", "", wanted, "", ""]
        return
    peer = row["fastest_peer"][kind]
    ratio, worked = row[kind][dtype], row[f"{kind}_processor"][dtype]
    own, other = _spread(row, dtype), f"{peer} {_spread(row, peer)}"
    elsewhere = _of_other_projects(row, dtype, kind)
    yield [*first, own, other, f"**{ratio:.1f}**", wanted, f"{worked:.1f}", elsewhere]


def _of_other_projects(row: dict[str, Any], dtype: str, kind: str) -> str:
    """The fastest peer that is not ours, of the same precision, and the ratio to it."""
    peers = {
        name: time
        for name, time in row["peers"].items()
        if not name.startswith("snnc") and ("int8" in name) == (kind == "ratio_int8_peers")
    }
    if not peers:
        return ""
    fastest = min(peers, key=lambda name: peers[name])
    return f"{peers[fastest] / row['ours'][dtype]:.1f} ({fastest})"


def _all_peers(rows: Sequence[dict[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row["peers"]))
    heads = ["contestant, ms", *(f"{row['title']}, {row['density']:g}" for row in rows)]
    body = [
        [f"snnc {dtype}", *(milliseconds(row["ours"].get(dtype)) for row in rows)]
        for dtype in ("f32", "int8")
    ]
    for name in names:
        cells = [f"{row['peers'][name]:.1f}" if name in row["peers"] else "-" for row in rows]
        body.append([name, *cells])
    lines = ["All contestants:", "", *table_lines(heads, body), ""]
    reasons = {(name, reason): row for row in rows for name, reason in row["missing"].items()}
    lines += [
        f"- not measured ({row['title']}, {row['density']:g}): {name}: {reason}"
        for (name, reason), row in reasons.items()
    ]
    worst = max(row["score_difference"]["f32"] for row in rows)
    lines += [
        "",
        f"Largest difference between our float32 class scores and PyTorch's in these runs: "
        f"{worst:.3g} (one spike flipped by rounding is 1/T; `snnc verify` judges each).",
        "",
    ]
    return lines


def _layers(part: dict[str, Any]) -> list[str]:
    roof = part["roofline"]
    lines = [
        "## Layers and the roofline",
        "",
        f"Measured in the same run with the kernels' vectors ({roof['vector']}): loads from L1 "
        f"{roof['l1_load_gb_s']} GB/s, from L2 {roof['l2_load_gb_s']} GB/s, from L3 "
        f"{roof['l3_load_gb_s']} GB/s, each load added to a sum; {roof['adds_g_s']} G additions/s "
        "from registers. `weights GB/s` is 4 bytes for each accumulation executed. A dense kernel "
        "uses a loaded weight for several pixels and may exceed the roof of loads. The last column "
        "is PyTorch's time for the same layer (with batch norm and pool) over ours.",
        "",
    ]
    heads = [
        "layer",
        "kernel",
        "ms",
        "input density",
        "weights GB/s",
        "of L1",
        "of L2",
        "PyTorch / ours",
    ]
    for row in part["rows"]:
        body = []
        for layer in row["layers"]:
            cells = [layer["name"], layer["kernel"] or "", f"{layer['ms']:.3f}"]
            if "weights_gb_s" in layer:
                density = layer["input_density"]
                ratio = row["layer_ratios"].get(layer["name"])
                cells += [
                    "counts" if density is None else f"{density:.3f}",
                    f"{layer['weights_gb_s']:.1f}",
                    f"{100 * layer['of_l1_roof']:.0f} %",
                    f"{100 * layer['of_l2_roof']:.0f} %",
                    "" if ratio is None else f"{ratio:.1f}",
                ]
            else:
                cells += [""] * 5
            body.append(cells)
        reached = row["reached"].values()
        lines += [
            f"### {row['title']}, {row['density']:g}",
            "",
            f"Hidden layers fire at {min(reached):.3g} to {max(reached):.3g}.",
            "",
            *table_lines(heads, body),
            "",
            _at_the_roof(row["layers"], roof["l1_load_gb_s"]),
            "",
        ]
    return lines


def _at_the_roof(layers: Sequence[dict[str, Any]], l1_load_gb_s: float) -> str:
    """What the weights of a network's event-driven layers would cost at the rate of L1."""
    listed = [layer for layer in layers if layer["kernel"] == "event"]
    taken = sum(layer["ms"] for layer in listed)
    least = sum(layer["ms"] * layer["weights_gb_s"] for layer in listed) / l1_load_gb_s
    rest = sum(layer["ms"] for layer in layers) - taken
    return (
        f"Event-driven layers take {taken:.1f} ms; loading their weights at the rate of L1 alone "
        f"would take {least:.1f}. Everything else takes {rest:.1f}."
    )


def _prices(part: dict[str, Any]) -> list[str]:
    heads = ["kernel", "a vector of 16 outputs, ns", "a word of spikes, ns"]
    heads += ["a vector of 16 weights, ns", "median error of the fit"]
    rows = [
        [
            kernel,
            *(f"{price[key]:.2f}" for key in ("pixel", "word", "vector")),
            f"{100 * part['errors'][kernel]:.0f} %",
        ]
        for kernel, price in part["prices"].items()
    ]
    crossings = ", ".join(
        f"`{name}` {'never' if at is None else f'{at:.2f}'}" for name, at in part["layers"].items()
    )
    return [
        "## Choosing kernels",
        "",
        "Prices fitted to both kernels of the wide three-layer network's layers, timed inside the "
        "network at four densities (`snnc bench --fit` does the same for a model of yours):",
        "",
        *table_lines(heads, rows),
        "",
        f"The dense kernel is faster above these input densities: {crossings}.",
        "",
    ]


def _threads(rows: Sequence[dict[str, Any]]) -> list[str]:
    numbers = list(rows[0]["ms"])
    heads = [
        "network",
        "density",
        "dtype",
        *(f"{n} thread{'' if n == '1' else 's'}, ms" for n in numbers),
        "faster",
    ]
    body = [
        [
            row["title"],
            f"{row['density']:g}",
            row["dtype"],
            *(f"{row['ms'][n]:.1f}" for n in numbers),
            f"{row['ms'][numbers[0]] / min(row['ms'].values()):.2f}",
        ]
        for row in rows
    ]
    same = all(row["same_scores"] for row in rows)
    verdict = "The scores were the same for any number." if same else "The scores DIFFERED."
    return [
        "## Threads",
        "",
        "`snnc compile --threads N`, this part alone with a core for each thread "
        f"(benchmarks/performance/threads.py). {verdict}",
        "",
        *table_lines(heads, body),
        "",
    ]


def _compile(part: dict[str, Any], weights: dict[str, Any] | None) -> list[str]:
    lines = [
        "## Compile time and size",
        "",
        "`snnc compile` of a checkpoint to `out/`, shared library included. Peak memory is the "
        "largest process of the run (Python with PyTorch, or the C compiler); loading is a process "
        "that only loads the same checkpoint.",
        "",
    ]
    heads = [
        "network",
        "parameters",
        "seconds",
        "of these the C compiler",
        "peak MiB",
        "C compiler's peak MiB",
        "loading's peak MiB",
        "C text, MiB",
    ]
    body = [
        [
            row["network"],
            f"{row['parameters']:,}",
            f"{row['compile']['seconds']:.1f}",
            f"{row['c_compiler']['seconds']:.1f}",
            f"{row['compile']['peak_mib']:.0f}",
            f"{row['c_compiler']['peak_mib']:.0f}",
            f"{row['load']['peak_mib']:.0f}",
            f"{row['c_text_bytes'] / 2**20:.1f}",
        ]
        for row in part["rows"]
    ]
    lines += [*table_lines(heads, body), ""]
    lines += [f"`snnc --help`: {part['help']['seconds']:.2f} s.", ""]
    if weights is not None:
        heads = ["C compiler", "large weights written as", "processor seconds", "peak MiB"]
        body = [
            [
                row["compiler"],
                row["form"],
                f"{row['cpu_seconds']:.1f}",
                f"{row['peak_mib']:.0f}",
            ]
            for row in weights["rows"]
        ]
        lines += [
            "The wide three-layer network's C file, alone:",
            "",
            *table_lines(heads, body),
            "",
        ]
    return lines


def _spread(row: dict[str, Any], who: str) -> str:
    median = row["ours"].get(who) or row["peers"][who]
    fastest, slowest = row["spread"][who]
    return f"{median:.1f} ({fastest:.1f} to {slowest:.1f})"
