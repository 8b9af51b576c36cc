"""The models of cycles beside published scores: CoreMark under the counting plugin.

    python benchmarks/cycle_models.py --coremark DIR [--target cortex-m4]... [--level -O3]

DIR is a checkout of EEMBC's CoreMark (Apache-2.0), which snnc neither brings nor downloads. It is
built with the core's gcc and run in QEMU: instructions of an iteration, by mnemonic, give cycles by
the core's model, and those iterations a second and MHz to compare with what is published.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path

from snnc.atomic import scratch_folder
from snnc.bench.target import counting
from snnc.bench.target.cycles import models
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.targets import Target, targets

ITERATIONS = 3
SOURCES = ("core_list_join", "core_main", "core_matrix", "core_state", "core_util")
MARKS = ("outside", "run", "end")

PORT_H = """#ifndef CORE_PORTME_H
#define CORE_PORTME_H
#include <stddef.h>
#include <stdint.h>
#define HAS_FLOAT 0
#define HAS_TIME_H 0
#define USE_CLOCK 0
#define HAS_STDIO 0
#define HAS_PRINTF 0
#define COMPILER_VERSION ""
#define COMPILER_FLAGS ""
#define MEM_LOCATION ""
typedef int16_t ee_s16;
typedef uint16_t ee_u16;
typedef int32_t ee_s32;
typedef uint8_t ee_u8;
typedef uint32_t ee_u32;
typedef uintptr_t ee_ptr_int;
typedef size_t ee_size_t;
#define align_mem(x) (void *)(4 + (((ee_ptr_int)(x) - 1) & ~(ee_ptr_int)3))
#define CORETIMETYPE ee_u32
typedef ee_u32 CORE_TICKS;
#define SEED_METHOD SEED_VOLATILE
#define MEM_METHOD MEM_STATIC
#define MULTITHREAD 1
#define USE_PTHREAD 0
#define USE_FORK 0
#define USE_SOCKET 0
#define MAIN_HAS_NOARGC 1
#define MAIN_HAS_NORETURN 0
#define PERFORMANCE_RUN 1
extern ee_u32 default_num_contexts;
typedef struct {
    ee_u8 portable_id;
} core_portable;
void portable_init(core_portable *p, int *argc, char *argv[]);
void portable_fini(core_portable *p);
int ee_printf(const char *format, ...);
#endif
"""
PORT_C = """#include "coremark.h"
#include "board.h"
#include "mark.h"
#include "marks.h"
#include <stdarg.h>
volatile ee_s32 seed1_volatile = 0, seed2_volatile = 0, seed3_volatile = 0x66;
volatile ee_s32 seed4_volatile = ITERATIONS, seed5_volatile = 0;
ee_u32 default_num_contexts = 1;
static unsigned crcs[4], found;
void start_time(void) {
    snn_profile(0);
}
void stop_time(void) {
    snn_profile(1);
}
CORE_TICKS get_time(void) {
    return 1000;
}
secs_ret time_in_secs(CORE_TICKS ticks) {
    return ticks;
}
void portable_init(core_portable *p, int *argc, char *argv[]) {
    (void)argc, (void)argv;
    p->portable_id = 1;
}
void portable_fini(core_portable *p) {
    p->portable_id = 0;
    board_write(found == 3 && crcs[0] == 0xe714 && crcs[1] == 0x1fd7 && crcs[2] == 0x8e3a
                    ? "PASS\\n" : "FAIL: a checksum is wrong\\n");
    snn_profile(2);
}
/* The checksums that CoreMark prints for list, matrix and state of a performance run. */
int ee_printf(const char *format, ...) {
    if (found < 3 && format[0] == '[' && format[4] == 'c' && format[7] != 'f') {
        va_list given;
        va_start(given, format);
        (void)va_arg(given, int);
        crcs[found++] = va_arg(given, unsigned);
        va_end(given);
    }
    return 0;
}
"""


def run(target: Target, coremark: Path, level: str) -> dict[str, int]:
    """Instructions of :data:`ITERATIONS` iterations by class."""
    board = target.boards[-1]
    with scratch_folder() as folder:
        firmware.write_board(folder, target, board, firmware.Budget(board.flash[1], 65536, 8192))
        with as_file(files("snnc") / "runtime_c" / "targets" / "bench") as programs:
            for name in ("mark.c", "mark.h"):
                (folder / "board" / name).write_bytes((programs / name).read_bytes())
        (folder / "board" / "marks.h").write_text(f"#define MARKS {len(MARKS)}\n")
        (folder / "board" / "core_portme.h").write_text(PORT_H)
        (folder / "board" / "core_portme.c").write_text(PORT_C)
        _build(folder, target, coremark, level)
        out, histogram = folder / "counts", folder / "classes"
        elf = folder / "coremark.elf"
        plugin = counting.plugin_argument(
            counting.plugin(folder), elf, target, len(MARKS), out, classes=histogram, outside=0
        )
        done = subprocess.run(
            [board.emulator, *board.machine, "-kernel", str(elf), "-nographic", "-serial", "null",
             "-monitor", "none", "-semihosting-config", "enable=on,target=native",
             "-plugin", plugin],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "PASS" not in done.stderr:
            sys.exit(f"{target.name}: {done.stderr or done.stdout}")
        return counting.take_classes(histogram)


def _build(folder: Path, target: Target, coremark: Path, level: str) -> None:
    flags = [*target.flags, "-std=gnu11", "-ffreestanding", f"-DITERATIONS={ITERATIONS}"]
    flags += [f"-I{folder / 'board'}", f"-I{coremark}", "-fno-tree-loop-distribute-patterns"]
    compiler = f"{target.prefix}gcc"
    own = [coremark / f"{name}.c" for name in SOURCES]
    board = sorted((folder / "board").glob("*.[cS]"))
    objects = []
    for source in (*own, *board):
        made = folder / f"{source.stem}.o"
        how = level if source in own else "-O2"
        subprocess.run([compiler, *flags, how, "-c", str(source), "-o", str(made)], check=True)
        objects.append(str(made))
    link = [*target.flags, "-nostdlib", "-nostartfiles", f"-Wl,-T,{folder / 'board' / 'board.ld'}"]
    out = str(folder / "coremark.elf")
    subprocess.run([compiler, *link, *objects, "-lgcc", "-o", out], check=True)


def main() -> None:
    """Print a row for each core that has a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coremark", type=Path, required=True)
    parser.add_argument("--target", action="append", choices=list(targets()))
    parser.add_argument("--level", default="-O3")
    given = parser.parse_args()
    print("| core | instructions | cycles | CoreMark/MHz | published |")
    for name in given.target or targets():
        classes = run(targets()[name], given.coremark, given.level)
        executed = sum(count for key, count in classes.items() if key != "taken") / ITERATIONS
        for core, model in models().items():
            if model.target == name:
                cycles = model.cycles(classes).times(1 / ITERATIONS)
                least, most = 1e6 / cycles.most, 1e6 / cycles.least
                print(
                    f"| {core} | {executed:,.0f} | {cycles.least:,.0f} to {cycles.most:,.0f} | "
                    f"{least:.2f} to {most:.2f} | {model.coremark} |"
                )


if __name__ == "__main__":
    main()
