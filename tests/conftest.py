"""What the tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))  # `from tests.lively import ...`

SHARED = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tests run side by side in processes; threads would only fight over the cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real recordings beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data: the real recordings are not on this machine")
    return SHARED
