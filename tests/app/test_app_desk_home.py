"""Home at the desk: how to begin, what came in, what needs a person, and what CinetPay holds."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from app_kit import World, running
from desk_kit import Staff, heading, plain
from payments_kit import a_payment
from sqlalchemy import event

from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind
from saleor_cinetpay.payments.trans_id import TransId

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_new_shop_is_led_through_its_set_up(tmp_path: Path) -> None:
    """Until the first real payment the page says what is done and what is not, with the address to paste."""
    async with running(tmp_path) as world:
        page = await Staff(world=world).gets()
        words = plain(page.text)
        account = await world.house.accounts.from_environment(world.saleor.config.api_url)
        assert account is not None
        assert (200, "Home") == (page.status_code, heading(page))
        assert "Enter your CinetPay account Done" in words
        assert "Make a first payment To do" in words
        assert f"{world.app}/cinetpay/notify/{account.account_key}" in words
        await written(world, 1, PaymentState.ACCEPTED, operator="OM")
        after = plain((await Staff(world=world).gets()).text)
        assert ("Begin to take payments" in after, "Success rate 100 %" in after, "Orange Money" in after) == (
            False,
            True,
            True,
        )


async def test_the_page_costs_the_same_however_much_is_sold(tmp_path: Path) -> None:
    """A hundred payments, operators and problems later the page asks the database no more often."""
    async with running(tmp_path, with_worker=False) as world:
        staff = Staff(world=world)
        await written(world, 1, PaymentState.ACCEPTED, operator="OM")
        before = await statements(world, staff)
        for number in range(2, 102):
            await written(world, number, PaymentState.ACCEPTED, operator=f"OPERATOR{number}")
            await world.house.problems.raise_now(a_problem(world, number), world.house.clock.now())
        assert 0 < before == await statements(world, staff)


async def statements(world: World, staff: Staff) -> int:
    """Count what the page asks of the database; it is asked for once before, as first times learn something."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    await staff.gets()
    engines = [world.house.database._reader.sync_engine, world.house.database._units._reader]  # type: ignore[union-attr]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    assert 200 == (await staff.gets()).status_code
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    return len(asked)


def a_problem(world: World, number: int) -> Problem:
    """Return a problem like many others."""
    url = world.saleor.config.api_url
    return Problem(kind=ProblemKind.SUSPECT, saleor_api_url=url, subject=f"T{number}", detail={"suspicion": "amount"})


async def test_the_balance_is_read_and_a_failure_said(tmp_path: Path) -> None:
    """CinetPay's figures stand there once it has told them; where it can't, the page says so and comes all the same."""
    async with running(tmp_path) as world:
        staff, account = Staff(world=world), await world.house.accounts.from_environment(world.saleor.config.api_url)
        assert account is not None
        await world.house.balances.of(account, wait_s=5)
        shown = plain((await staff.gets()).text)
        assert re.search(r"Whole account [\d,.]+ F CFA This site [\d,.]+ F CFA Read", shown)
    async with running(tmp_path / "failing", cinetpay_api_url="http://127.0.0.1:9/v1/") as world:
        account = await world.house.accounts.from_environment(world.saleor.config.api_url)
        assert account is not None
        await world.house.balances.of(account, wait_s=5)
        shown = plain((await Staff(world=world).gets()).text)
        assert "It could not be read: CinetPay did not answer." in shown


async def test_what_needs_a_person_is_listed_and_dismissed(world: World) -> None:
    """A problem stands there in words, with its page; dismissed, it is kept with the name of who did it."""
    staff = Staff(world=world)
    problem = await raised(world, ProblemKind.MONEY_BACK, {"code": "660", "amount": "5000 XOF"})
    before = plain((await staff.gets()).text)
    assert f"CinetPay has given the 5 000 F CFA of payment {problem.trans_id} back." in before
    done = await staff.posts(f"/problems/{problem.key}/dismiss")
    assert {
        "to": "/dashboard",
        "notice": {"text": "Dismissed. It comes back only if something changes.", "status": "success"},
    } == done.json()
    after = plain((await staff.gets()).text)
    assert "Dismissed by awa@example.com" in after
    again = await staff.posts(f"/problems/{problem.key}/dismiss")
    assert "Somebody else has dismissed it already." == again.json()["notice"]["text"]


async def test_what_solves_itself_is_not_dismissed(world: World) -> None:
    """A wrong key goes when it is put right; nobody can take it off the list, and no other shop's problem either."""
    problem = await raised(world, ProblemKind.CONFIGURATION, {"code": "609", "site_id": "1"})
    other = await raised(world, ProblemKind.MONEY_BACK, {}, saleor_api_url="https://other.example/graphql/")
    replies = [await Staff(world=world).posts(f"/problems/{one.key}/dismiss") for one in (problem, other)]
    assert [404, 404] == [reply.status_code for reply in replies]
    page = await Staff(world=world).gets()
    assert str(other.trans_id) not in page.text


async def test_the_page_speaks_french(world: World) -> None:
    """Everything is said in the language of the Dashboard."""
    await raised(world, ProblemKind.MONEY_BACK, {"amount": "5000 XOF"})
    words = plain((await Staff(world=world, language="fr").gets()).text)
    assert "Ce qui vous attend" in words
    assert "Votre solde chez CinetPay" in words


async def written(world: World, number: int, state: PaymentState, **changes: Any) -> None:
    """Write a payment of the shop down as begun just now."""
    now = world.house.clock.now()
    payment = a_payment(number, state=state, saleor_api_url=world.saleor.config.api_url, opened_at=now, **changes)
    await world.house.ledger.open(payment, Event(kind="opened"))


async def raised(world: World, kind: ProblemKind, detail: dict[str, Any], **changes: Any) -> Problem:
    """Raise a problem of the shop."""
    number = next(_NUMBERS)
    problem = Problem(
        kind=kind,
        saleor_api_url=world.saleor.config.api_url,
        subject=f"{number:026d}",
        trans_id=TransId(f"{number:026d}"),
        detail=detail,
    )
    problem = replace(problem, **changes)
    await world.house.problems.raise_now(problem, world.house.clock.now())
    return problem


_NUMBERS = iter(range(1, 1000))
