"""Static checks of generated code and runtime: cppcheck's MISRA addon, and gcc's analyzer.

docs/reference/misra.md lists the rules that are not kept, with reasons; any other is an error.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import fuzzing
from tests.support.places import ROOT

INCLUDE = ROOT / "runtime_c" / "include"
MANDATORY = {"9.1", "9.7", "12.5", "13.6", "17.3", "17.4", "17.6", "17.9", "18.10", "19.1"} | {
    *("21.13", "21.17", "21.18", "21.19", "21.20", "21.22", "22.2", "22.4", "22.5", "22.6")
}

needs_cppcheck = pytest.mark.skipif(
    shutil.which("cppcheck") is None, reason="cppcheck is not installed: apt-get install cppcheck"
)


def declared() -> set[str]:
    """Rules with a row in docs/reference/misra.md, each with a category, a text and a reason."""
    text = (ROOT / "docs" / "reference" / "misra.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+\.\d+) \| (required|advisory) \| .+ \| .{20,} \|$", text, re.M)
    assert len(rows) == len({rule for rule, _ in rows})
    return {rule for rule, _ in rows}


def model(name: str, folder: Path) -> Path:
    """The C of one of the fuzzer's models."""
    for file, text in fuzzing.MODELS[name]().generated.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder / "model.c"


def broken_rules(source: Path) -> dict[str, str]:
    """Rules that cppcheck finds broken, each with the first place."""
    flags = ["--addon=misra", "--std=c99", "--quiet", "--suppress=missingIncludeSystem"]
    flags += [
        "-DSNN_VEC_PORTABLE",
        "-DUINTPTR_MAX=0xFFFFFFFFu",
        f"-I{INCLUDE}",
        f"-I{source.parent}",
    ]
    flags.append("--template={id} {file}:{line} {message}")
    command = ["cppcheck", *flags, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = {}
    for line in done.stderr.splitlines():
        rule = re.match(r"misra-c2012-(\S+) (.*)", line)
        assert rule or re.match(r"\w+ (.*)", line)
        if rule:
            found.setdefault(rule[1], rule[2])
        elif not line.startswith(("missingInclude", "checkersReport", "unmatchedSuppression")):
            found.setdefault(line.split()[0], line)
    return found


@needs_cppcheck
@pytest.mark.parametrize("name", fuzzing.MODELS)
def test_every_deviation_is_declared_with_its_reason(name, tmp_path):
    found = broken_rules(model(name, tmp_path))
    assert "12.1" in found, "cppcheck has not looked"
    assert {rule: where for rule, where in found.items() if rule not in declared()} == {}


def test_no_mandatory_rule_is_declared_away():
    assert len(declared()) > 10
    assert not declared() & MANDATORY


@needs_cppcheck
def test_an_undeclared_deviation_is_found(tmp_path):
    source = model("ring-i8", tmp_path)
    planted = "static int jump(int n) { if (n > 1) { goto end; } n = 0; end: return n; }\n"
    text = source.read_text().replace("int model_init(", f"{planted}int model_init(", 1)
    source.write_text(text.replace("if (!net) {", "if (!net || jump(3) > 4) {", 1))
    assert "15.1" in broken_rules(source).keys() - declared()


ANALYZE = ("-std=c99", "-O1", "-fanalyzer", "-Wall", "-Wextra", "-Werror", "-DSNN_VEC_PORTABLE")


def analyzed(source: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    flags = [*ANALYZE, "-DSNN_KERNEL=static __attribute__((unused))"]
    command = ["gcc", *flags, f"-I{INCLUDE}", f"-I{source.parent}", "-c", source, "-o", "/dev/null"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzzing.MODELS)
def test_the_analyzer_has_nothing_to_say(name, tmp_path):
    done = analyzed(model(name, tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_analyzer_finds_a_planted_null(tmp_path):
    source = tmp_path / "planted.c"
    body = "int planted(int n) { int *p = 0; if (n > 3) { p = &n; } return *p; }\n"
    source.write_text(f"int planted(int n);\n{body}")
    assert "analyzer-null-dereference" in analyzed(source).stderr
