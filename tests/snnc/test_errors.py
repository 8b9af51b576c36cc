"""Error codes are stable, complete, and what docs/reference/errors.md says."""

import re
import runpy

import pytest

from snnc import errors
from snnc.errors import BAD_WEIGHTS, CODES, INTERNAL, ErrorCode, InternalError, SnncError
from tests.support.places import ROOT

DOCS = ROOT / "docs"

each_code = pytest.mark.parametrize("entry", CODES.values(), ids=CODES)


@each_code
def test_code_has_its_form_and_an_exit_status(entry: ErrorCode) -> None:
    assert re.fullmatch(r"SNNC-E\d{3}", entry.code)
    assert CODES[entry.code] is entry
    assert entry.status in (errors.EXIT_NO, errors.EXIT_USAGE, errors.EXIT_BUG)


@each_code
def test_cause_and_mend_are_sentences(entry: ErrorCode) -> None:
    assert not entry.title.endswith(".")
    for text in (entry.title, entry.cause, entry.hint):
        assert text == " ".join(text.split())
    for sentence in (entry.cause, entry.hint):
        assert re.fullmatch(r"(snnc |[A-Z`]).*\.", sentence), sentence


def test_every_code_is_a_constant_of_the_module() -> None:
    constants = [value for value in vars(errors).values() if isinstance(value, ErrorCode)]
    assert sorted(entry.code for entry in constants) == sorted(CODES)


def test_exit_statuses_are_the_documented_ones() -> None:
    statuses = (errors.EXIT_DONE, errors.EXIT_NO, errors.EXIT_USAGE, errors.EXIT_BUG)
    assert statuses == (0, 1, 2, 3)


def test_a_code_cannot_be_defined_twice() -> None:
    with pytest.raises(ValueError, match="SNNC-E103 is defined twice"):
        errors._code(103, errors.EXIT_NO, "again", "Cause.", "Mend.")
    assert CODES["SNNC-E103"] is BAD_WEIGHTS


def test_message_says_where_what_and_the_mend() -> None:
    error = SnncError(BAD_WEIGHTS, "3 values are NaN", where="conv1.weight", hint="Train again.")
    assert str(error) == "SNNC-E103: conv1.weight: 3 values are NaN. Train again."
    assert (error.code, error.what, error.where) == (
        BAD_WEIGHTS,
        "3 values are NaN",
        "conv1.weight",
    )


def test_message_without_place_falls_back_on_the_code_s_mend() -> None:
    assert str(SnncError(BAD_WEIGHTS, "no bias")) == f"SNNC-E103: no bias. {BAD_WEIGHTS.hint}"


def test_internal_error_is_our_fault() -> None:
    error = InternalError("a node without inputs", where="fold_batch_norm")
    assert error.code is INTERNAL
    assert error.code.status == errors.EXIT_BUG
    assert str(error).startswith("SNNC-E901: fold_batch_norm: a node without inputs. ")


def test_page_is_the_one_the_codes_give() -> None:
    page = runpy.run_path(str(DOCS / "scripts" / "generate_errors.py"))["render"]()
    assert (DOCS / "reference" / "errors.md").read_text(encoding="utf-8") == page, "run `make docs`"
    assert re.findall(r"^### (SNNC-E\d+)", page, re.MULTILINE) == sorted(CODES)
