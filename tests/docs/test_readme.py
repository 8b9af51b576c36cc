"""The C program on the README's first screen compiles and runs as it stands."""

from __future__ import annotations

import re
import subprocess

from snnc.compiler.host.build import c_compiler
from tests.support.places import ROOT


def test_the_program_of_the_readme_runs(snnc, tmp_path):
    (program,) = re.findall(r"```c\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    out = tmp_path / "out"
    status, _, _ = snnc("compile", ROOT / "models" / "zoo" / "nmnist_none.pt", "-o", out)
    assert status == 0
    main = tmp_path / "main.c"
    main.write_text(program)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", f"-I{out}"]
    binary = tmp_path / "main"
    sources = [str(main), str(out / "nmnist_none.c")]
    subprocess.run([*c_compiler(), *flags, *sources, "-o", str(binary)], check=True)
    said = subprocess.run([str(binary)], check=True, capture_output=True, text=True).stdout
    lines = said.splitlines()
    assert [line.split(":")[0] for line in lines] == [str(digit) for digit in range(10)]
    scores = [float(line.split()[1]) for line in lines]
    assert all(0 <= score <= 1 for score in scores)
