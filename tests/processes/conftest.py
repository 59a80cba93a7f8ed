"""One forkery for all tests: it takes seconds to import what processes are made of."""

from collections.abc import Iterator

import pytest
from processes_kit import Forkery


@pytest.fixture(scope="session")
def forkery() -> Iterator[Forkery]:
    """Start what starts processes."""
    forkery = Forkery()
    yield forkery
    forkery.close()
