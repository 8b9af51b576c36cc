"""Freed memory is kept: measured as page faults of a fresh process."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource
from snnc.models.training.allocator import keep_freed_memory

def faults_of_a_second_block():
    bytearray(64 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(64 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults_of_a_second_block(), keep_freed_memory(), faults_of_a_second_block())
"""


def test_a_block_is_reused_without_page_faults() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    before, told, after = done.stdout.split()
    if told == "False":
        pytest.skip("the C library here is not glibc")
    assert int(before) > 1000
    assert int(after) < 100
