"""Notifications, returns and the like make a payment due; many of them cost one look, and one follows the last."""

import asyncio
from datetime import timedelta

import pytest
from fakes import NOON
from payments_kit import Heart, a_payment, an_opening_payment, trans_id
from sqlalchemy import Engine, event

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.nudges import Nudge, Nudges
from saleor_cinetpay.payments.payment import PaymentState

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


async def begun(heart: Heart) -> None:
    """Open a payment, and let the buyer begin to pay."""
    await heart.open()
    heart.world.cinetpay.begins(trans_id())


@pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.REFUSED, PaymentState.SUSPECT])
async def test_a_nudge_makes_a_payment_due_at_once(heart: Heart, state: PaymentState) -> None:
    """Whatever is not closed is due now, also after its watch."""
    await heart.write(a_payment(state=state, due_at=NOON + HOUR))
    await heart.write(a_payment(2, state=state, due_at=None))
    for number in (1, 2):
        nudged = await heart.ledger.nudge(trans_id(number))
        assert nudged is not None
        assert (NOON, 1, None) == (nudged.due_at, nudged.hints, nudged.buyer_back_at)
        assert nudged == await heart.held(number)


async def test_a_nudge_does_not_make_a_due_payment_later(heart: Heart) -> None:
    """What has been due for a while stays the first in line."""
    await heart.write(a_payment(due_at=NOON - HOUR, quiet_until=NOON + SECOND))
    nudged = await heart.ledger.nudge(trans_id())
    assert nudged is not None
    assert NOON - HOUR == nudged.due_at


async def test_a_nudge_waits_for_the_quiet_time(heart: Heart) -> None:
    """Right after a look, nudges share the next one, which comes when the quiet time ends."""
    await heart.write(a_payment(due_at=NOON + HOUR, quiet_until=NOON + 2 * SECOND))
    for _ in range(3):
        nudged = await heart.ledger.nudge(trans_id())
    assert nudged is not None
    assert (NOON + 2 * SECOND, 3) == (nudged.due_at, nudged.hints)


@pytest.mark.parametrize("buyer_back", [False, True])
async def test_a_nudge_that_no_look_can_follow_writes_nothing(heart: Heart, buyer_back: bool) -> None:
    """An accepted payment, one that was never signed, one of another account and an unknown one stay as they are."""
    accepted = await heart.write(a_payment(state=PaymentState.ACCEPTED))
    opening = await heart.write(an_opening_payment(2))
    others = await heart.write(a_payment(3))
    for number in (1, 2, 4):
        assert await heart.ledger.nudge(trans_id(number), buyer_back=buyer_back) is None
    assert await heart.ledger.nudge(trans_id(3), account_key="another", buyer_back=buyer_back) is None
    assert [accepted, opening, others] == [await heart.held(number) for number in (1, 2, 3)]
    assert [["opened"]] * 3 == [await heart.kinds(number) for number in (1, 2, 3)]


async def test_a_nudge_of_its_account_counts(heart: Heart) -> None:
    """The account key of the address that was called is the payment's."""
    await heart.write(a_payment())
    assert await heart.ledger.nudge(trans_id(), account_key="account-key") is not None


async def test_the_buyer_came_back_when_they_first_did(heart: Heart) -> None:
    """Coming back again, or a notification, does not change when the buyer came back."""
    await heart.write(a_payment())
    await heart.ledger.nudge(trans_id(), buyer_back=True)
    heart.world.clock.turn(60)
    await heart.ledger.nudge(trans_id(), buyer_back=True)
    await heart.ledger.nudge(trans_id())
    assert NOON == (await heart.held()).buyer_back_at


async def test_a_buyer_who_comes_back_during_a_look_is_noted(heart: Heart) -> None:
    """What is noted while somebody looks survives the look."""
    await heart.write(a_payment(due_at=NOON))
    (claimed,) = await heart.ledger.claim_due(1)
    await heart.ledger.nudge(trans_id(), buyer_back=True)
    await heart.settlement.look(claimed, trigger="clock")
    assert (NOON, 1) == ((await heart.held()).buyer_back_at, (await heart.held()).hints)


async def test_a_nudge_during_a_look_leaves_the_lease_alone_and_makes_the_payment_due_again(heart: Heart) -> None:
    """While somebody looks a nudge only leaves a mark; after the look the payment is due when the quiet time ends."""
    await begun(heart)
    claimed = await heart.ledger.claim(trans_id())
    assert claimed is not None
    nudged = await heart.ledger.nudge(trans_id())
    assert nudged is not None
    assert (claimed.due_at, claimed.lease, 1) == (nudged.due_at, nudged.lease, nudged.hints)
    after = await heart.settlement.look(claimed, trigger="clock")
    assert after is not None
    assert (NOON + 2 * SECOND, 1, None) == (after.due_at, after.hints, after.lease)
    heart.world.clock.turn(2)
    await heart.work_off()
    assert 0 == (await heart.held()).hints
    assert NOON + 2 * SECOND < ((await heart.held()).due_at or NOON)


async def test_a_nudge_during_the_last_look_of_a_watch_still_gets_its_own(heart: Heart) -> None:
    """Where the timetable has ended, a mark alone makes the payment due."""
    await begun(heart)
    heart.world.clock.turn(8 * 86400)
    claimed = await heart.ledger.claim(trans_id())
    assert claimed is not None
    await heart.ledger.nudge(trans_id())
    after = await heart.settlement.look(claimed, trigger="return")
    assert after is not None
    assert heart.world.clock.moment + 2 * SECOND == after.due_at


async def test_a_nudge_of_a_look_that_died_is_not_lost(heart: Heart) -> None:
    """After the lease of a dead process the payment is due, and the next look answers for all nudges."""
    await begun(heart)
    await heart.ledger.claim(trans_id())
    heart.world.clock.turn(31)
    nudged = await heart.ledger.nudge(trans_id())
    assert nudged is not None
    assert NOON + 30 * SECOND == nudged.due_at
    await heart.work_off()
    assert (1, 0) == (len(heart.world.cinetpay.looks), (await heart.held()).hints)


async def test_fifty_nudges_cost_at_most_two_looks_and_one_is_after_the_last(heart: Heart, other_heart: Heart) -> None:
    """However fifty notifications fall around a look, in two processes, a look follows the last of them."""
    await begun(heart)
    account_key, cinetpay, clock = (await heart.held()).account_key, heart.world.cinetpay, heart.world.clock
    cinetpay.gates.close(account_key)
    await asyncio.gather(*(h.ledger.nudge(trans_id()) for h in [heart, other_heart] * 12))
    looking = asyncio.create_task(heart.work_off())
    await cinetpay.gates.someone_waits(account_key)
    clock.turn(1)
    await asyncio.gather(*(h.ledger.nudge(trans_id()) for h in [heart, other_heart] * 13))
    await other_heart.work_off()
    cinetpay.gates.open(account_key)
    await looking
    cinetpay.pays(trans_id())
    clock.turn(2)
    await asyncio.gather(heart.work_off(), other_heart.work_off())
    assert [NOON, NOON + 3 * SECOND] == [at for _, at in cinetpay.looks]
    assert PaymentState.ACCEPTED is (await heart.held()).state


async def test_every_look_counts_the_hints_that_it_answers(heart: Heart) -> None:
    """The history says how many nudges a look stands for, and what set it off."""
    await begun(heart)
    for _ in range(3):
        await heart.ledger.nudge(trans_id())
    await heart.work_off()
    heart.world.clock.turn(60)
    await heart.work_off()
    details = [event.detail for _, event in await heart.ledger.history(trans_id()) if event.kind == "looked_up"]
    assert [("nudge", 3), ("clock", 0)] == [(detail["trigger"], detail["hints"]) for detail in details]


async def test_nudges_are_taken_together(heart: Heart, database: Database) -> None:
    """Many at once do to each payment what one alone does, and each is told whether its payment can change."""
    nudges = Nudges(database, heart.world.clock)
    payment = await heart.write(a_payment(due_at=NOON + HOUR))
    quiet = await heart.write(a_payment(2, due_at=NOON + HOUR, quiet_until=NOON + SECOND))
    accepted = await heart.write(a_payment(3, state=PaymentState.ACCEPTED))
    others = await heart.write(a_payment(4, due_at=NOON + HOUR))
    genuine = [Nudge(p.trans_id, p.account_key) for p in (payment, quiet)]
    made_up = [
        Nudge(accepted.trans_id, accepted.account_key),
        Nudge(others.trans_id, "another"),
        Nudge(trans_id(5), payment.account_key),
    ]
    assert dict.fromkeys(genuine, True) == await nudges.take([*genuine, *made_up])
    assert [(NOON, 1), (NOON + SECOND, 1), (None, 0), (NOON + HOUR, 0)] == [
        (held.due_at, held.hints) for held in [await heart.held(number) for number in (1, 2, 3, 4)]
    ]


async def test_a_nudge_during_a_look_leaves_a_mark(heart: Heart, database: Database) -> None:
    """While somebody looks, a notification that comes in with others makes another look follow."""
    await begun(heart)
    claimed = await heart.ledger.claim(trans_id())
    assert claimed is not None
    nudge = Nudge(claimed.trans_id, claimed.account_key)
    assert {nudge: True} == await Nudges(database, heart.world.clock).take([nudge])
    held = await heart.held()
    assert (claimed.due_at, 1, claimed.lease) == (held.due_at, 1, held.lease)


async def test_forged_nudges_write_nothing(heart: Heart, database: Database) -> None:
    """However many made-up payments are named, the database is read once and never written."""
    await heart.write(a_payment(due_at=NOON + HOUR))
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement.split()[0])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        forged = [Nudge(trans_id(number), "made-up") for number in range(1, 301)]
        assert {} == await Nudges(database, heart.world.clock).take(forged)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert ["SELECT"] == [statement for statement in said if statement not in {"BEGIN", "PRAGMA"}]
