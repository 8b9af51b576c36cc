"""Mutation testing: what is planted, where, and that verification finds a fixed sample of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from snnc.compiler.deploy.targets import missing_tools, target_named
from tests.mutation import report
from tests.mutation.coverage import ran
from tests.mutation.judge import SURVIVED, Outcome
from tests.mutation.mutator import KINDS, mutations
from tests.mutation.planted import mistakes
from tests.mutation.python import ROOT, listed
from tests.mutation.record import SAMPLE, Mutant, Reasons, Record
from tests.mutation.source import Region, Source
from tests.mutation.subjects import SUBJECTS

C = """\
/* 1 + 1 */
#include <stdint.h>
#define SIZE 40
static const float weights[2] = {
    0x1p+0f, -2.5f,
};

/* a function */
static int f(const int *x, int n) {
    int sum = 0; // not - 1
    for (int i = 0; i < n; i++) {
        if (x[i] >= SIZE) {
            sum += g(x, "a + b");
        }
    }
    return -sum;
}
"""


def made(kind: str, text: str = C) -> list[tuple[int, str, str]]:
    return [(m.line, m.old, m.new) for m in mutations("f.c", text) if m.kind == kind]


def test_tokens_have_exact_places_and_know_what_they_are_part_of():
    source = Source(C)
    assert all(C[token.start : token.end] == token.text for token in source.tokens)
    assert all(C.count("\n", 0, token.start) + 1 == token.line for token in source.tokens)
    kinds = {token.text: token.kind for token in source.tokens}
    assert kinds["0x1p+0f"] == "number"
    assert kinds['"a + b"'] == "string"
    assert kinds["#define SIZE 40"] == "directive"
    assert "a function" not in kinds
    where = {
        (source.scope[i], source.region[i]) for i in range(len(source.tokens)) if source.scope[i]
    }
    assert where == {
        ("weights", Region.FILE), ("weights", Region.INITIALISER),
        ("f", Region.FILE), ("f", Region.FUNCTION),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("operator", [(11, "++", "--"), (13, "+=", "-=")]),
        ("comparison", [(11, "<", "<="), (12, ">=", ">")]),
        ("condition", [(12, "(x[i] >= SIZE)", "(!(x[i] >= SIZE))")]),
        ("bound", [(11, "n", "(n) - 1"), (11, "n", "(n) + 1"), (11, "0", "(0) + 1")]),
        ("index", [(12, "i", "(i) + 1"), (12, "i", "(i) - 1")]),
        ("sign", [(5, "0x1p+0f", "-0x1p+0f"), (5, "-", ""), (16, "-", "")]),
        ("5 %", [(5, "0x1p+0f", "0x1.0ccccc0000000p+0f"), (5, "2.5f", "0x1.5000000000000p+1f")]),
        ("macro", [(3, "40", "41"), (3, "40", "42")]),
        ("dropped", [(13, 'sum += g(x, "a + b");', ";")]),
        ("arguments", [(13, 'x, "a + b"', '"a + b", x')]),
    ],
)
def test_each_kind_of_mistake(kind, expected):
    assert made(kind) == expected


def test_last_places_are_single_units():
    changed = dict.fromkeys(m.new for m in mutations("f.c", C) if m.kind == "last place")
    values = [float.fromhex(new.removesuffix("f")) for new in changed if "x" in new]
    assert values == [1 + 2**-23, 1 - 2**-24, 2.5 + 2**-22, 2.5 - 2**-22]
    assert [new for new in changed if "x" not in new] == ["1"], "0 - 1 is no number but a sum"


def test_mutations_have_names_of_their_own_and_change_the_text():
    for path in sorted((ROOT / "runtime_c" / "include").rglob("*.h")):
        text = path.read_text("utf-8")
        every = list(mutations(path.name, text))
        assert all(mutation.applied(text) != text for mutation in every)
        names = Counter(mutation.key for mutation in every)
        assert not names or names.most_common(1)[0][1] == 1
    assert {mutation.kind for mutation in mutations("f.c", C)} == set(KINDS)


def test_what_verification_alone_compiles_is_left_alone():
    text = "void f(int *x) {\n    TRACE(1, 2 * 3, x, 4);\n    x[0] = 5;\n}\n"
    assert {mutation.line for mutation in mutations("f.c", text)} == {3}


def test_only_what_runs_is_changed():
    """A line without code goes with its statement, a constant and a macro with who names them."""
    lines = {9: True, 10: True, 11: True, 12: True, 13: False, 16: True}
    assert ran({"f.c": Source(C)}, {"f.c": lines})["f.c"] == {3, 9, 10, 11, 12, 16, 17}
    assert ran({"f.c": Source(C)}, {"f.c": dict.fromkeys(lines, False)})["f.c"] == set()


KEY = ("snn/a.h", "f", "operator", "x + y", "+", "-", 0)
REASON = """
[[reason]]
why = "Because."
mutants = [
    { subjects = ["f32"], file = "snn/a.h", scope = "f", kind = "operator", text = "x + y", \
old = "+", new = "-" },
]
"""


def test_a_survivor_without_a_reason_is_a_fault(tmp_path):
    explained, fault = (
        Mutant("f32", 3, KEY, Outcome(SURVIVED)),
        Mutant("asa1", 3, KEY, Outcome(SURVIVED)),
    )
    aside = {subject.name: {"identical": 1, "not compiled": 2} for subject in SUBJECTS}
    record = Record((explained, fault), aside)
    record.write(tmp_path / "results.json")
    assert Record.read(tmp_path / "results.json") == record
    reasons = Reasons(REASON)
    assert reasons.unexplained(record.survivors()) == [fault]
    assert reasons.unneeded([fault]) == [("f32", KEY)]
    text = report.page(record, reasons)
    faults, right = text.split("## PROVEN, and rightly")
    assert "1 mutants are PROVEN without a reason" in faults
    assert "| asa1 | `snn/a.h:3` |" in faults
    assert "Because." in right
    assert "| f32 |" in right


def test_the_kept_run_is_large_and_its_page_is_current():
    record, reasons = Record.read(), Reasons.read()
    assert len(record.mutants) >= 300
    kinds = Counter(mutant.key[2] for mutant in record.mutants)
    scores = [kind for kind in kinds if kind.startswith("scores ")]
    events = ["polarity flipped", "x and y exchanged", "dt_us changed"]
    neurons = [
        "layer-3 beta + 5 %",
        "fc2 threshold + 5 %",
        "fc2 bias + 5 %",
        "conv2 weight negated",
    ]
    assert len(scores) == 6
    assert all(kinds[kind] == len(SUBJECTS) for kind in [*scores, *events, *neurons])
    assert set(KINDS) <= set(kinds)
    assert reasons.unexplained(record.survivors()) == []
    assert reasons.unneeded(record.survivors()) == []
    assert report.PAGE.read_text("utf-8") == report.page(record, reasons)
    assert len(record.sample()) == SAMPLE


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_mistakes_with_a_meaning_have_one_place_in_the_runtime(subject):
    """Those in generated C are found where the slow sample compiles it."""
    include = ROOT / "runtime_c" / "include"
    found = [mistake for mistake in mistakes(subject) if (include / mistake.file).is_file()]
    assert len(found) == 8
    for mistake in found:
        places = list(re.finditer(mistake.pattern, (include / mistake.file).read_text("utf-8")))
        assert len(places) == 1, mistake.name
        assert mistake.change(places[0][1]) != places[0][1]


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_fixed_sample_is_found(subject):
    if subject.on_board:
        core = target_named(subject.target)
        if missing := missing_tools(core, core.boards[0]):
            pytest.skip(f"{core.name} needs {', '.join(missing)}: run `make firmware-tools`")
    command = [
        sys.executable,
        "-m",
        "tests.mutation",
        "check",
        "--only",
        subject.name,
        "--jobs",
        "1",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_mistakes_in_python_stand_where_the_list_says():
    for mutant in listed():
        text = Path(ROOT / mutant.file).read_text("utf-8")
        assert mutant.applied(text) != text
        assert all((ROOT / test).is_file() for test in mutant.tests)
