"""Times the convolution kernels alone, against PyTorch's dense convolution and the roofline.

    python benchmarks/kernels/run.py [--runs 7] [--cc gcc] [--flags=-march=native]

One core, CPU time (other processes disturb it less than the clock on the wall), medians over the
runs with the least in brackets, milliseconds for all steps. PyTorch: one thread, channels last,
all steps in one batch. The roofline is the measured bandwidth of loading and adding vectors from
L1 and from L2; a kernel's share is the bytes of weights that it adds, in the time it takes, of the
L1 rate.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

HERE = Path(__file__).parent
INCLUDE = HERE.parent.parent / "runtime_c" / "include"
DENSITIES = (0.01, 0.023, 0.045, 0.1, 0.2, 0.5, 1.0)
L1_BYTES, L2_BYTES = 24 << 10, 256 << 10


@dataclass(frozen=True)
class Layer:
    """A square convolution layer and how many steps are run."""

    name: str
    size: int
    in_c: int
    out_c: int
    kernel: int
    stride: int = 1
    steps: int = 60

    @property
    def co_block(self) -> int:
        """Output channels a block of weights: 64, or 32 where a kernel row of 64 passes 64 KiB."""
        widest = 64 if self.kernel * self.in_c * 64 * 4 <= 65536 else 32
        return min(widest, -(-self.out_c // 16) * 16)

    def macros(self) -> list[str]:
        """The shape for conv2d.c."""
        values = {"IN_H": self.size, "IN_W": self.size, "IN_C": self.in_c, "OUT_C": self.out_c}
        values |= {"KERNEL": self.kernel, "STRIDE": self.stride, "PAD": 1, "STEPS": self.steps}
        return [f"-D{name}={value}" for name, value in values.items()]


LAYERS = (
    Layer("64→128 3×3, 32×32", 32, 64, 128, 3),
    Layer("three-layer wide 2: 64→128 4×4 /2, 32×32", 32, 64, 128, 4, 2),
    Layer("three-layer wide 3: 128→128 4×4 /2, 16×16", 16, 128, 128, 4, 2),
    Layer("three-layer narrow 2: 32→32 4×4 /2, 32×32", 32, 32, 32, 4, 2),
    Layer("five-layer 2: 128→128 3×3, 64×64, T 20", 64, 128, 128, 3, 1, 20),
)


def compiled(source: str, folder: str, options: argparse.Namespace, *flags: str) -> str:
    """Compile one of the C files here; gives the program."""
    program = str(Path(folder) / source.removesuffix(".c"))
    command = [options.cc, "-std=c99", "-O3", "-ffp-contract=off", *options.flags.split()]
    command += [*flags, f"-I{INCLUDE}", str(HERE / source), "-o", program]
    subprocess.run(command, check=True)
    return program


def roofline(options: argparse.Namespace) -> dict[int, float]:
    """Bytes of a block of memory -> GB/s of loading and adding."""
    with tempfile.TemporaryDirectory() as folder:
        program = compiled("roofline.c", folder, options)
        done = subprocess.run([program], capture_output=True, text=True, check=True)
    return {int(a): float(b) for a, b in (line.split() for line in done.stdout.splitlines())}


def kernel_times(
    layer: Layer, method: str, densities: tuple[float, ...], options: argparse.Namespace
) -> list[tuple[float, float, float]]:
    """(median ms, least ms, accumulations) of each density."""
    with tempfile.TemporaryDirectory() as folder:
        block = f"-DCO_BLOCK={layer.co_block}"
        program = compiled(
            "conv2d.c", folder, options, *layer.macros(), block, f"-DMETHOD={method}"
        )
        command = [program, str(options.runs), *map(str, densities)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    return [(float(row[1]), float(row[2]), float(row[3])) for row in rows]


def torch_times(layer: Layer, runs: int) -> tuple[float, float]:
    """(median ms, least ms) of PyTorch's convolution of all steps in one batch."""
    conv = torch.nn.Conv2d(layer.in_c, layer.out_c, layer.kernel, layer.stride, padding=1)
    x = (torch.rand(layer.steps, layer.in_c, layer.size, layer.size) < 0.05).float()
    last = torch.channels_last
    conv.weight.data = conv.weight.data.contiguous(memory_format=last)
    x = x.contiguous(memory_format=last)
    taken = []
    with torch.inference_mode():
        for _ in range(runs + 1):
            start = time.process_time()
            conv(x)
            taken.append((time.process_time() - start) * 1e3)
    return statistics.median(taken[1:]), min(taken[1:])


def report(layer: Layer, peak: dict[int, float], options: argparse.Namespace) -> None:
    """Print the table of one layer."""
    dense_median, dense_least = torch_times(layer, options.runs)
    print(f"\n{layer.name}, {layer.steps} steps, co_block {layer.co_block}")
    print(f"  PyTorch dense                {dense_median:8.2f} [{dense_least:.2f}]")
    for method in ("dense", "direct", "list"):
        densities = (1.0,) if method == "dense" else DENSITIES
        for density, (median, least, sums) in zip(
            densities, kernel_times(layer, method, densities, options), strict=True
        ):
            rate = sums * 4 / (median * 1e-3) * 1e-9
            print(
                f"  {method:7} density {density:<6}      {median:8.2f} [{least:.2f}]"
                f"   ×{dense_median / median:5.1f} PyTorch   {rate:6.1f} GB/s"
                f" = {rate / peak[L1_BYTES]:4.0%} of L1"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--flags", default="-march=native")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    torch.set_num_threads(1)
    peak = roofline(options)
    print(f"load and add: L1 {peak[L1_BYTES]} GB/s, L2 {peak[L2_BYTES]} GB/s")
    for layer in LAYERS:
        report(layer, peak, options)


if __name__ == "__main__":
    main()
