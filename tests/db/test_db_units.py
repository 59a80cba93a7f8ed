"""Units of work: carried out whole or not at all, and on SQLite committed together with whatever else is waiting."""

import asyncio
from collections.abc import Iterator
from contextvars import ContextVar

import pytest
from fakes import NOON
from sqlalchemy import Engine, event, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.group_commit import Work
from saleor_cinetpay.payments.tables import payment_events

of_caller: ContextVar[str] = ContextVar("of_caller", default="nobody")


@pytest.fixture
def commits() -> Iterator[list[object]]:
    """Collect the commits of all engines."""
    seen: list[object] = []

    def note(connection: object) -> None:
        seen.append(connection)

    event.listen(Engine, "commit", note)
    yield seen
    event.remove(Engine, "commit", note)


def writing(kind: str, *, then: Exception | None = None, number: int | None = None) -> Work[str]:
    """Make a unit that writes one event (under that number) and returns its kind, or raises."""

    async def work(connection: AsyncConnection) -> str:
        row = {"trans_id": "T", "at": NOON, "kind": kind, "detail": {}} | ({"id": number} if number else {})
        await connection.execute(insert(payment_events).values(row))
        if then is not None:
            raise then
        return kind

    return work


async def kinds(database: Database) -> list[str]:
    """Return what is written, by a unit that only reads."""

    async def work(connection: AsyncConnection) -> list[str]:
        return list((await connection.execute(select(payment_events.c.kind).order_by(payment_events.c.id))).scalars())

    return await database.query(work)


async def together(database: Database, *works: Work[str]) -> list[str | BaseException]:
    """Carry out what has come one after the other while somebody else wrote."""
    waiting: list[asyncio.Future[str]] = []
    async with database.write():
        for work in works:
            waiting.append(asyncio.ensure_future(database.change(work)))
            for _ in range(5):
                await asyncio.sleep(0)
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_unit_is_committed_before_it_returns(database: Database, other_database: Database) -> None:
    """Who has the outcome of a unit can rely on it: another process reads what it wrote."""
    assert "opened" == await database.change(writing("opened"))
    assert ["opened"] == await kinds(other_database)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_waits_is_committed_together(database: Database, commits: list[object]) -> None:
    """While one commit waits for the disk others queue up; the next serves all of them."""
    wanted = [str(number) for number in range(10)]
    await kinds(database)  # whatever connecting commits
    await database.change(writing("first"))
    commits.clear()
    assert wanted == await together(database, *map(writing, wanted))
    assert (["first", *wanted], 2) == (await kinds(database), len(commits))


async def test_a_unit_that_raises_writes_nothing_and_takes_none_with_it(database: Database) -> None:
    """Its own error reaches its own caller; what was carried out beside it is written once."""
    broken = ZeroDivisionError()
    outcomes = await together(database, writing("before"), writing("broken", then=broken), writing("after"))
    assert ["before", broken, "after"] == outcomes
    assert ["after", "before"] == sorted(await kinds(database))


async def test_a_unit_that_violates_a_key_is_an_answer_to_its_caller_alone(database: Database) -> None:
    """A unique key that is violated stays SQLAlchemy's error, and nobody else's."""
    await database.change(writing("there", number=7))
    violation, other = await together(database, writing("again", number=7), writing("other", number=8))
    assert (IntegrityError, "other") == (type(violation), other)
    assert ["there", "other"] == await kinds(database)


async def test_a_broken_statement_in_a_unit_is_the_ledgers_failure(database: Database) -> None:
    """Reading or writing, it becomes the one error that callers know, without the statement in it."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT secret FROM nowhere"))

    for carry_out in (database.change, database.query):
        with pytest.raises(LedgerUnavailable) as raised:
            await carry_out(work)
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_unit_that_nobody_waits_for_any_more_is_not_begun(database: Database) -> None:
    """A request that ran out of time while others wrote leaves nothing behind."""
    async with database.write():
        waiting = asyncio.ensure_future(database.change(writing("too late")))
        await asyncio.sleep(0)
        waiting.cancel()
    await database.change(writing("opened"))
    assert ["opened"] == await kinds(database)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_rollback_below_a_unit_is_no_success(database: Database) -> None:
    """SQLite may roll back by itself, and then has nothing to commit: everybody hears of it."""

    async def rolled_back(connection: AsyncConnection) -> str:
        await connection.exec_driver_sql("ROLLBACK")
        return "written"

    outcomes = await together(database, writing("before"), rolled_back)
    assert [LedgerUnavailable, LedgerUnavailable] == [type(outcome) for outcome in outcomes]
    assert [] == await kinds(database)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_file_that_another_process_holds_fails_all_at_once(
    database: Database, other_database: Database
) -> None:
    """Who waited together is told together, not each after a wait of their own."""
    waits = [database.change(writing(str(number))) for number in range(5)]
    async with other_database.write(), asyncio.timeout(8):
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert [LedgerUnavailable] * 5 == [type(outcome) for outcome in outcomes]
    assert "opened" == await database.change(writing("opened"))
    assert ["opened"] == await kinds(database)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_unit_may_wait_for_its_statements_only(database: Database) -> None:
    """Whoever waits inside a unit would hold up everybody who writes: that is a mistake, and said so."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(payment_events).values(trans_id="T", at=NOON, kind="opened", detail={}))
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something else"):
        await database.change(work)
    assert [] == await kinds(database)


async def test_a_unit_knows_its_callers_context(database: Database) -> None:
    """What is logged inside a unit belongs to the call that it is part of."""

    async def work(_connection: AsyncConnection) -> str:
        return of_caller.get()

    async def caller(name: str) -> str:
        of_caller.set(name)
        return await database.change(work)

    names = ["a webhook", "a notification"]
    assert names == await asyncio.gather(*(asyncio.create_task(caller(name)) for name in names))


async def test_a_database_that_was_closed_opens_again(database: Database) -> None:
    """Closing ends connections and threads; whoever asks later gets new ones."""
    await database.change(writing("before"))
    await database.close()
    await database.change(writing("after"))
    assert ["before", "after"] == await kinds(database)
