"""What the clock costs does not grow with what the ledger holds (`make bench-claims` says the same of a million)."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from bench.claims import opened, plan_of_claim, statements_of_batch

DUE = 1_000
USES_THE_INDEX = {
    "sqlite": "SEARCH payments USING INDEX ix_payments_due_at (due_at<?)",
    "postgresql": "Index Scan using ix_payments_due_at on payments",
}
READS_EVERYTHING = ("SCAN payments", "Seq Scan", "USE TEMP B-TREE", "Sort")


@pytest.fixture(params=list(USES_THE_INDEX))
async def addresses(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Give the addresses of two empty databases of the same engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/small.db", f"sqlite:///{tmp_path}/large.db"
    postgresql: Callable[[str], str] = request.getfixturevalue("postgresql")
    admin = await asyncpg.connect(postgresql("postgres"))
    try:
        for name in ("claims_small", "claims_large"):
            await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    return postgresql("claims_small"), postgresql("claims_large")


async def test_a_batch_costs_the_same_in_a_larger_ledger(addresses: tuple[str, str]) -> None:
    """Claiming and marking sends the same statements however large the ledger, and finds what is due by its index."""
    small_url, large_url = addresses
    async with opened(small_url, total=2_000, due=DUE) as small, opened(large_url, total=20_000, due=DUE) as large:
        expected = await statements_of_batch(small)
        assert expected == await statements_of_batch(large)
        plan = "\n".join(await plan_of_claim(large))
    assert USES_THE_INDEX["sqlite" if large.is_sqlite else "postgresql"] in plan
    assert [] == [word for word in READS_EVERYTHING if word in plan]
