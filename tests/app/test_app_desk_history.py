"""History at the desk: CinetPay's own beside ours, and putting a difference right."""

import re
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import pytest
from app_kit import World, running
from desk_kit import Staff, heading, plain
from sqlalchemy import delete, update

from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.sandbox.saleor.records import Transaction

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def missed(world: World) -> tuple[Transaction, str]:
    """Have a buyer pay, of which nobody tells, while the clock never looks."""
    transaction, trans_id = await world.at_cinetpay()
    async with world.house.database.write() as connection:
        await connection.execute(update(payments).values(due_at=None))
    await world.cinetpay.settle(trans_id, notify="never")
    return transaction, trans_id


def today(world: World) -> date:
    return world.house.clock.now().astimezone(UTC).date()


def settling(world: World, trans_id: str) -> dict[str, Any]:
    """Return what the page's button sends."""
    day = today(world).isoformat()
    site = world.settings.cinetpay_site_id
    return {"trans_id": trans_id, "day": day, "site": site, "environment": "live", "from": day, "to": day}


def differences(html: str) -> int:
    """Return how many differences the page counts."""
    found = re.search(r"Differences: (\d+)", plain(html))
    return int(found[1]) if found else 0


async def test_a_missed_payment_is_shown_and_settled(world: World) -> None:
    """What CinetPay was paid and we don't know of yet stands on top; the button settles it, and Saleor is told."""
    staff = Staff(world=world)
    left_by_others = differences((await staff.gets("/history")).text)
    transaction, trans_id = await missed(world)
    page = await staff.gets("/history")
    assert (200, "History") == (page.status_code, heading(page))
    assert f"{trans_id} Paid at CinetPay, and not here yet." in plain(page.text)
    assert left_by_others + 1 == differences(page.text)
    done = await staff.posts("/history/settle", settling(world, trans_id))
    assert "It is paid now, and Saleor is being told." == done.json()["notice"]["text"]
    await world.reported(transaction, "CHARGE_SUCCESS")
    after = plain((await staff.gets("/history")).text)
    assert "Paid at CinetPay, and not here yet." not in after
    assert trans_id in after
    again = await staff.posts("/history/settle", settling(world, trans_id))
    assert "There is no difference any more." == again.json()["notice"]["text"]


async def test_a_payment_that_is_lost_here_is_found(world: World) -> None:
    """One that the ledger has lost is taken up again, by Saleor's books and CinetPay's word."""
    staff = Staff(world=world)
    transaction, trans_id = await missed(world)
    async with world.house.database.write() as connection:
        await connection.execute(delete(payments).where(payments.c.trans_id == trans_id))
    assert f"{trans_id} Paid at CinetPay, and unknown here." in plain((await staff.gets("/history")).text)
    done = await staff.posts("/history/settle", settling(world, trans_id))
    assert "It is paid now, and Saleor is being told." == done.json()["notice"]["text"]
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_other_systems_are_counted_and_left_alone(world: World) -> None:
    """A payment of the same site that is none of ours is no line of the page."""
    _, trans_id = await missed(world)
    async with world.house.database.write() as connection:
        await connection.execute(update(payments).where(payments.c.trans_id == trans_id).values(account_key="other"))
    words = plain((await Staff(world=world).gets("/history")).text)
    assert "Payments of other systems on this site: 1." in words
    assert trans_id not in words
    done = await Staff(world=world).posts("/history/settle", settling(world, trans_id))
    assert "There is no difference any more." == done.json()["notice"]["text"]
    assert "pending" == await world.state(trans_id)


async def test_a_site_of_another_shop_is_not_there(world: World) -> None:
    """Nobody settles at a site, or on a day, that is none."""
    for changes in ({"site": "999"}, {"environment": "test"}, {"day": "yesterday"}, {"trans_id": ""}):
        reply = await Staff(world=world).posts("/history/settle", settling(world, "X") | changes)
        assert 404 == reply.status_code


async def test_a_cinetpay_that_is_away_is_told_of(tmp_path: Path) -> None:
    """The page comes, says that CinetPay did not answer, and asks it for no further day."""
    async with running(tmp_path, cinetpay_api_url="http://127.0.0.1:9/v1/") as world:
        staff = Staff(world=world)
        page = await staff.gets("/history")
        assert 200 == page.status_code
        assert 1 == plain(page.text).count("CinetPay's history could not be read: CinetPay did not answer.")
        done = await staff.posts("/history/settle", settling(world, "X"))
        assert "error" == done.json()["notice"]["status"]


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("tomorrow", "", "This is no date"),
        ("", "9999-01-01", "This day has not come yet."),
        ("2026-03-02", "2026-03-01", "The first day comes after the last."),
        ("2026-01-01", "2026-02-01", "These are more than 31 days"),
    ],
)
async def test_a_wrong_period_is_said_beside_its_field(world: World, first: str, last: str, said: str) -> None:
    """What was typed stays, and CinetPay is not asked."""
    asked = await world.cinetpay.calls("getTransHistory")
    page = await Staff(world=world).gets(f"/history?from={first}&to={last}")
    assert (422, True) == (page.status_code, said in plain(page.text))
    assert all(f'value="{typed}"' in page.text for typed in (first, last) if typed)
    assert asked == await world.cinetpay.calls("getTransHistory")


async def test_a_month_is_one_page(world: World) -> None:
    """Thirty-one days are asked for one by one, within the time of a page."""
    last = today(world)
    asked = await world.cinetpay.calls("getTransHistory")
    page = await Staff(world=world).gets(f"/history?from={last - timedelta(days=30)}&to={last}")
    assert 200 == page.status_code
    assert 31 == await world.cinetpay.calls("getTransHistory") - asked
