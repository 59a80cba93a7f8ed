"""Opening a payment: written down, signed once, frozen; never a second one."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fakes import NOON, refusal
from payments_kit import (
    API_KEY,
    APP,
    SHOP,
    SITE_ID,
    Heart,
    NoAccounts,
    World,
    a_payment,
    an_order,
    build_heart,
    lose_ledger,
    trans_id,
    transaction_id,
    xof,
)
from sqlalchemy import text

from saleor_cinetpay.cinetpay import PaymentFields, PhoneNumber
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import (
    CinetPayError,
    CinetPayUnavailable,
    CinetPayUnintelligible,
    LedgerUnavailable,
    PaymentImpossible,
)
from saleor_cinetpay.locale import Language
from saleor_cinetpay.money import CinetPayAmount
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.report import ReportType

SECOND = timedelta(seconds=1)
DOWN = CinetPayUnavailable("nobody there", maybe_carried_out=False)


async def impossible(heart: Heart, number: int = 1, **changes: Any) -> PaymentImpossible:
    """Ask for a payment that can't be, and return why."""
    with pytest.raises(PaymentImpossible) as raised:
        await heart.world.clock.turn_until(heart.open(number, **changes))
    return raised.value


async def test_a_payment_is_opened_with_everything_that_was_asked_for(heart: Heart) -> None:
    """What CinetPay signs is what Saleor and the storefront asked for, and it is frozen with its signature and key."""
    data = {
        "returnUrl": "https://shop.example/back",
        "cancelUrl": "https://shop.example/cart",
        "phoneNumber": "07 07 08 09 10",
        "phonePrefix": "225",
        "language": "en",
        "designation": "Crème brûlée",
    }
    payment = await heart.open(data=data, money=xof("12500.00"))
    assert payment == await heart.held()
    assert payment.fields == PaymentFields(
        amount=CinetPayAmount(12500),
        currency="CFA",
        site_id=SITE_ID,
        trans_id=trans_id(),
        trans_date="20260304120000",
        language="en",
        designation="Creme brulee",
        phone=PhoneNumber("225", "0707080910"),
    )
    assert (PaymentState.PENDING, transaction_id(), SHOP, await heart.account_key(), APP) == (
        payment.state,
        payment.transaction_id,
        payment.saleor_api_url,
        payment.account_key,
        payment.app_base_url,
    )
    assert (Language.ENGLISH, Language.FRENCH) == (payment.language, payment.merchant_language)
    assert ("https://shop.example/back", "https://shop.example/cart") == (payment.return_url, payment.cancel_url)
    assert payment.api_key is not None
    assert API_KEY == payment.api_key.get_secret_value()
    assert (NOON, NOON + timedelta(days=7), NOON + 5 * SECOND) == (
        payment.opened_at,
        payment.watch_until,
        payment.due_at,
    )
    assert ["opened", "signed"] == await heart.kinds()


@pytest.mark.parametrize(
    ("number", "data", "expected"),
    [
        (None, None, "Votre commande"),
        ("1042", None, "Commande 1042"),
        ("1042", {"language": "en"}, "Order 1042"),
        ("1042", {"designation": "🛍"}, "Commande 1042"),
    ],
)
async def test_a_payment_without_a_designation_gets_one(
    heart: Heart, number: str | None, data: object, expected: str
) -> None:
    """Where nothing usable was sent, the order's number or a general word stands in."""
    assert expected == (await heart.open(source=an_order(1, number), data=data)).fields.designation


async def test_asked_again_the_first_form_is_given(heart: Heart) -> None:
    """The same transaction gets the same form, whatever its data now; CinetPay is not asked again."""
    first = await heart.open()
    heart.world.clock.turn(60)
    again = await heart.open(
        data={"designation": "Else", "phoneNumber": 1}, source=an_order(1, "7"), money=xof("5000.000")
    )
    assert first == again
    assert 1 == len(heart.world.cinetpay.asked_to_sign)


async def test_many_who_ask_at_once_get_the_same_form(heart: Heart, other_heart: Heart) -> None:
    """Concurrent calls for one transaction, in two processes, ask CinetPay for one signature."""
    account_key, cinetpay = await heart.account_key(), heart.world.cinetpay
    cinetpay.gates.close(account_key)
    opening = [asyncio.create_task(h.open()) for h in [heart, other_heart] * 5]
    await cinetpay.gates.someone_waits(account_key)
    cinetpay.gates.open(account_key)
    opened = await heart.world.clock.turn_until(asyncio.gather(*opening))
    assert 1 == len(cinetpay.asked_to_sign)
    assert {PaymentState.PENDING} == {payment.state for payment in opened}
    assert 1 == len({payment.signature for payment in opened})
    held = await heart.held()
    assert held.opened_at + 5 * SECOND == held.due_at


async def test_who_waits_too_long_for_another_is_told_to_try_later(heart: Heart, other_heart: Heart) -> None:
    """While another call hangs at CinetPay, a second one answers TRY_LATER in its own time."""
    account_key, cinetpay = await heart.account_key(), heart.world.cinetpay
    cinetpay.gates.close(account_key)
    late = heart.open_request().deadline + timedelta(seconds=60)
    opening = asyncio.create_task(other_heart.open(deadline=late))
    await cinetpay.gates.someone_waits(account_key)
    assert "TRY_LATER" == (await impossible(heart)).code
    cinetpay.gates.open(account_key)
    assert PaymentState.PENDING is (await opening).state


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (DOWN, "CINETPAY_UNAVAILABLE"),
        (CinetPayUnintelligible("no signature", maybe_carried_out=True), "CINETPAY_UNAVAILABLE"),
        (refusal("609"), "CINETPAY_REFUSED"),
        (refusal("642"), "CINETPAY_REFUSED"),
    ],
)
async def test_a_payment_that_was_not_signed_is_tried_again_with_the_very_same_fields(
    heart: Heart, failure: CinetPayError, code: str
) -> None:
    """CinetPay's failure is told; the next call, later and with other data, has the first fields signed."""
    heart.world.cinetpay.down = failure
    assert code == (await impossible(heart)).code
    unsigned = await heart.held()
    assert (PaymentState.OPENING, None, None) == (unsigned.state, unsigned.due_at, unsigned.lease)
    assert NOON == unsigned.failure_told_at
    heart.world.cinetpay.down = None
    heart.world.clock.turn(3600)
    payment = await heart.open(data={"designation": "Else"}, source=an_order(1, "7"))
    first, second = heart.world.cinetpay.asked_to_sign
    assert first == second
    assert (first[0], NOON + timedelta(hours=1)) == (payment.fields, payment.opened_at)
    assert payment.watch_until == payment.opened_at + timedelta(days=7)
    assert ["opened", "sign_failed", "failure_told", "signed"] == await heart.kinds()


async def test_a_refusal_to_sign_speaks_to_both_sides(heart: Heart) -> None:
    """The merchant reads CinetPay's code and what to do, the buyer a neutral text."""
    heart.world.cinetpay.down = refusal("609")
    error = await impossible(heart)
    assert ("CinetPay answered 609.", True) == (
        error.merchant.say(Language.ENGLISH)[:22],
        "API key" in error.merchant.say(Language.ENGLISH),
    )
    assert "609" not in error.buyer.say(Language.ENGLISH)


async def test_a_success_after_a_told_failure_is_later_than_it(heart: Heart) -> None:
    """A payment whose opening first failed is charged in Saleor although CinetPay's clock is behind."""
    heart.world.cinetpay.down = DOWN
    await impossible(heart)
    heart.world.cinetpay.down = None
    await heart.open()
    heart.world.cinetpay.shows(
        trans_id(),
        cpm_result="00",
        cpm_trans_status="ACCEPTED",
        cpm_payment_date="2026-03-04",
        cpm_payment_time="11:58:00",
    )
    await heart.process()
    assert NOON + SECOND == (await heart.held()).success_time


@pytest.mark.parametrize("code", ["605", "620"])
async def test_what_cinetpay_will_not_sign_again_is_looked_up_first(
    heart: Heart, database: Database, code: str
) -> None:
    """Where CinetPay holds the transaction already, what it holds is taken up and judged; here it was paid."""
    await heart.open()
    await lose_ledger(database)
    getattr(heart.world.cinetpay, {"605": "pays", "620": "begins"}[code])(trans_id())
    payment = await heart.open()
    assert {"605": PaymentState.ACCEPTED, "620": PaymentState.PENDING}[code] is payment.state
    assert not payment.open_to_pay
    assert ["opened", "taken_up"] == await heart.kinds()
    await heart.work_off()
    assert {"605": 5000, "620": 0}[code] == heart.world.saleor.charged(transaction_id())


@pytest.mark.parametrize("code", ["605", "620"])
async def test_what_cinetpay_neither_signs_nor_knows_must_start_again(heart: Heart, code: str) -> None:
    """Without a transaction at CinetPay only a new one can be paid."""
    heart.world.cinetpay.down = refusal(code)
    assert "START_AGAIN" == (await impossible(heart)).code
    assert PaymentState.OPENING is (await heart.held()).state


async def test_what_cinetpay_will_not_sign_and_can_not_tell_is_unavailable(heart: Heart, database: Database) -> None:
    """Where the look first gets no answer, the payment is as never signed, and tried again."""
    await heart.open()
    await lose_ledger(database)
    heart.world.cinetpay.begins(trans_id())
    heart.world.cinetpay.looks_fail = DOWN
    assert "CINETPAY_UNAVAILABLE" == (await impossible(heart)).code
    assert PaymentState.OPENING is (await heart.held()).state
    heart.world.cinetpay.looks_fail = None
    assert PaymentState.PENDING is (await heart.open()).state


@pytest.mark.parametrize("state", [PaymentState.ACCEPTED, PaymentState.SUSPECT])
async def test_a_paid_payment_and_one_in_review_are_returned_as_they_are(heart: Heart, state: PaymentState) -> None:
    """Also with another amount or a rotated key there is no failure to tell of what is paid or in review."""
    paid = await heart.write(a_payment(state=state))
    assert paid == await heart.open(money=xof(1))
    assert [] == heart.world.cinetpay.asked_to_sign


async def test_a_refused_payment_must_start_again(heart: Heart) -> None:
    """A new attempt needs a new transaction, and the time of that failure is kept."""
    await heart.write(a_payment(state=PaymentState.REFUSED, failure_told_at=NOON - timedelta(hours=1)))
    assert "START_AGAIN" == (await impossible(heart)).code
    assert NOON == (await heart.held()).failure_told_at


async def test_another_amount_must_start_again(heart: Heart) -> None:
    """One transaction has one amount for ever, signed or not."""
    await heart.open()
    error = await impossible(heart, money=xof(5001))
    assert ("START_AGAIN", True) == (error.code, "5000 XOF" in error.merchant.say(Language.ENGLISH))
    heart.world.cinetpay.down = DOWN
    await impossible(heart, 2)
    assert "START_AGAIN" == (await impossible(heart, 2, money=xof(5001))).code
    assert 2 == len(heart.world.cinetpay.asked_to_sign)


async def test_an_ended_payment_must_start_again(heart: Heart) -> None:
    """Until the end of its watch the first form is given, then no more."""
    first = await heart.open()
    heart.world.clock.turn(7 * 86400 - 1)
    assert first == await heart.open()
    heart.world.clock.turn(1)
    assert "START_AGAIN" == (await impossible(heart)).code


async def test_a_rotated_key_makes_open_payments_start_again(database: Database, world: World) -> None:
    """A form with the old API key is not handed out any more; one that was never signed is signed with the new."""
    before = build_heart(database, world)
    await before.open()
    world.cinetpay.down = DOWN
    await impossible(before, 2)
    world.cinetpay.down = None
    world.cinetpay.keys[SITE_ID] = "rotated"
    after = build_heart(database, world, api_key="rotated", seed=1)
    assert "START_AGAIN" == (await impossible(after)).code
    payment = await after.open(2)
    assert payment.api_key is not None
    assert ("rotated", "rotated") == (payment.api_key.get_secret_value(), world.cinetpay.asked_to_sign[-1][1])


async def test_another_saleors_transaction_is_not_told_anything(heart: Heart) -> None:
    """A second Saleor that claims the same transaction gets no form, and leaves no trace in the payment."""
    paid = await heart.write(a_payment(state=PaymentState.ACCEPTED))
    await heart.open(2)
    before = await heart.held(2)
    for number in (1, 2):
        stranger = await impossible(heart, number, saleor_api_url="https://other.example/graphql/")
        assert "START_AGAIN" == stranger.code
    assert (paid, before) == (await heart.held(), await heart.held(2))


async def test_a_shop_without_an_account_is_not_configured(heart: Heart, database: Database, world: World) -> None:
    """No account, no payment; an open one is not handed out any more either."""
    await heart.open()

    without = build_heart(database, world, accounts_of_shops=NoAccounts())
    for number in (1, 2):
        assert "NOT_CONFIGURED" == (await impossible(without, number)).code
    assert (NOON, None) == ((await heart.held()).failure_told_at, await heart.ledger.find(trans_id(2)))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"money": xof("100.5")}, "AMOUNT_NOT_WHOLE"),
        ({"money": xof(4)}, "AMOUNT_TOO_LOW"),
        ({"data": []}, "INVALID_DATA"),
        ({"data": {"phoneNumber": "x"}}, "PHONE_NUMBER_INVALID"),
    ],
)
async def test_what_can_not_be_is_refused_before_anything_is_written(
    heart: Heart, changes: dict[str, Any], code: str
) -> None:
    """Neither the ledger nor CinetPay hears of it."""
    assert code == (await impossible(heart, **changes)).code
    assert (None, []) == (await heart.ledger.find(trans_id()), heart.world.cinetpay.asked_to_sign)


async def test_what_can_not_be_written_down_is_not_signed(heart: Heart, other_database: Database) -> None:
    """Without a ledger CinetPay is not asked."""
    await heart.accounts.from_environment(SHOP)
    async with other_database.write() as connection:
        await connection.execute(text("ALTER TABLE payment_events RENAME TO gone"))
    with pytest.raises(LedgerUnavailable):
        await heart.open()
    assert [] == heart.world.cinetpay.asked_to_sign


async def test_cinetpay_gets_no_more_time_than_the_answer_has(heart: Heart) -> None:
    """A CinetPay that hangs is given up in time to write down what came of it, and to answer."""
    heart.world.cinetpay.gates.close(await heart.account_key())
    assert "CINETPAY_UNAVAILABLE" == (await impossible(heart)).code
    assert NOON + 8 * SECOND <= heart.world.clock.moment < NOON + 9 * SECOND
    assert (await heart.held()).lease is None


async def test_an_acceptance_in_the_moment_of_a_failure_wins(
    heart: Heart, other_heart: Heart, database: Database, world: World
) -> None:
    """Where the payment is accepted while a failure is on its way, the acceptance is answered."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())

    class AcceptedMeanwhile(NoAccounts):
        async def usable(self, account_key: str) -> None:
            await other_heart.settlement.settle(trans_id(), trigger="test", wait_s=8)

    racing = build_heart(database, world, accounts_of_shops=AcceptedMeanwhile())
    assert PaymentState.ACCEPTED is (await racing.open()).state
    assert [ReportType.CHARGE_SUCCESS] == [report.type for report, _ in await heart.ledger.reports_of(trans_id())]
