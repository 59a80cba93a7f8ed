"""The fakes of the heart behave as what they stand for."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import NOON, Doom, FakeCinetPay, FakeSaleor, Killed, SeededChance, TurnedClock
from payments_kit import API_KEY, SHOP, SITE_ID, TOKEN, a_payment, an_account, an_opening_payment, trans_id
from pydantic import SecretStr

from saleor_cinetpay.errors import CinetPayRefused, CinetPayUnavailable, SaleorError, SaleorRefused
from saleor_cinetpay.money import CinetPayAmount
from saleor_cinetpay.payments.conclusion import report_of
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.shops.installations import Installation

FIELDS = an_opening_payment().fields
PAYMENT = a_payment()
SUCCESS = report_of(PAYMENT, ReportType.CHARGE_SUCCESS, NOON)
FAILURE = report_of(PAYMENT, ReportType.CHARGE_FAILURE, NOON)
INSTALLATION = Installation(
    saleor_api_url=SHOP,
    app_id="QXBwOjE=",
    token=SecretStr(TOKEN),
    key_set="{}",
    saleor_version="3.23",
    app_base_url="https://app.example",
)


def a_cinetpay() -> FakeCinetPay:
    return FakeCinetPay(TurnedClock(), {SITE_ID: API_KEY})


async def test_the_clock_stands_still_until_it_is_turned() -> None:
    """A sleeper wakes when the clock has been turned to its moment, not before."""
    clock = TurnedClock()
    sleeper = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    clock.turn(9)
    await asyncio.sleep(0)
    assert (NOON + timedelta(seconds=9), False) == (clock.now(), sleeper.done())
    clock.turn(1)
    await asyncio.sleep(0)
    assert sleeper.done()


async def test_time_passes_until_something_is_done() -> None:
    """`turn_until` turns the clock as far as the awaited thing needs it."""
    clock = TurnedClock()
    await clock.turn_until(clock.sleep(0.2))
    assert NOON + timedelta(seconds=0.2) <= clock.now()


def test_chance_repeats_itself_for_a_seed() -> None:
    """Two chances of one seed draw the same; another seed draws otherwise."""
    one, same, other = SeededChance(1), SeededChance(1), SeededChance(2)
    drawn = [one.token(), one.token(), one.fraction()]
    assert drawn == [same.token(), same.token(), same.fraction()]
    assert drawn != [other.token(), other.token(), other.fraction()]
    assert 2 == len({one.token(), one.token()})


def test_the_doomed_stay_dead() -> None:
    """Doom ends a process at its step and at every later one, until it is lifted."""
    doom = Doom()
    doom.await_at(2)
    clock = TurnedClock(doom)
    clock.now()
    for _ in range(2):
        with pytest.raises(Killed):
            clock.now()
    doom.lift()
    assert NOON == clock.now()


async def test_cinetpay_signs_the_same_fields_alike_and_no_others_under_their_id() -> None:
    """The same fields get the same signature; other fields under a used trans id get 620."""
    cinetpay = a_cinetpay()
    first = await cinetpay.get_signature(an_account(), FIELDS, timeout_s=8)
    assert first == await cinetpay.get_signature(an_account(), FIELDS, timeout_s=8)
    with pytest.raises(CinetPayRefused, match="620"):
        await cinetpay.get_signature(an_account(), replace(FIELDS, amount=CinetPayAmount(1)), timeout_s=8)


@pytest.mark.parametrize(("move", "code"), [("begins", "620"), ("pays", "605")])
async def test_cinetpay_signs_no_payment_again_that_has_begun(move: str, code: str) -> None:
    """Once the buyer is on the page there is no signature any more."""
    cinetpay = a_cinetpay()
    await cinetpay.get_signature(an_account(), FIELDS, timeout_s=8)
    getattr(cinetpay, move)(trans_id())
    with pytest.raises(CinetPayRefused, match=code):
        await cinetpay.get_signature(an_account(), FIELDS, timeout_s=8)


async def test_cinetpay_shows_nothing_before_the_buyer_begins_and_then_what_they_did() -> None:
    """A signed payment is unknown to checkPayStatus until the buyer does something."""
    cinetpay = a_cinetpay()
    signature = await cinetpay.get_signature(an_account(), FIELDS, timeout_s=8)
    assert await cinetpay.check_pay_status(an_account(), trans_id(), timeout_s=8) is None
    cinetpay.refuses(trans_id(), "604")
    refused = await cinetpay.check_pay_status(an_account(), trans_id(), timeout_s=8)
    cinetpay.pays(trans_id())
    paid = await cinetpay.check_pay_status(an_account(), trans_id(), timeout_s=8)
    assert refused is not None
    assert paid is not None
    assert ("604", "REFUSED") == (refused.cpm_result, refused.cpm_trans_status)
    assert ("00", "ACCEPTED", signature, NOON) == (paid.cpm_result, paid.status, paid.signature, paid.paid_at)


async def test_cinetpay_knows_its_keys() -> None:
    """A wrong API key gets 609 from every method."""
    cinetpay, stranger = a_cinetpay(), an_account(api_key=SecretStr("guessed"))
    with pytest.raises(CinetPayRefused, match="609"):
        await cinetpay.get_signature(stranger, FIELDS, timeout_s=8)
    with pytest.raises(CinetPayRefused, match="609"):
        await cinetpay.check_pay_status(stranger, trans_id(), timeout_s=8)


async def test_cinetpay_hangs_at_a_closed_gate() -> None:
    """A call at a closed gate ends when the gate opens, or as unavailable when its time is over."""
    clock = TurnedClock()
    cinetpay, account = FakeCinetPay(clock, {SITE_ID: API_KEY}), an_account()
    cinetpay.gates.close(account.account_key)
    with pytest.raises(CinetPayUnavailable):
        await clock.turn_until(cinetpay.get_signature(account, FIELDS, timeout_s=1))
    waiting = asyncio.create_task(cinetpay.get_signature(account, FIELDS, timeout_s=1))
    await asyncio.sleep(0)
    assert 1 == cinetpay.gates.waiting[account.account_key]
    cinetpay.gates.open(account.account_key)
    assert "" != (await waiting).get_secret_value()


async def test_saleor_takes_an_event_once() -> None:
    """A repeat is said to be one and changes nothing; another amount is refused."""
    saleor = FakeSaleor(TurnedClock(), TOKEN)
    assert [False, True] == [await saleor.report(INSTALLATION, SUCCESS, timeout_s=8) for _ in range(2)]
    assert [ReportType.CHARGE_SUCCESS] == saleor.events(PAYMENT.transaction_id)
    with pytest.raises(SaleorRefused, match="INCORRECT_DETAILS"):
        await saleor.report(INSTALLATION, replace(SUCCESS, amount=CinetPayAmount(1)), timeout_s=8)


@pytest.mark.parametrize(("later_s", "charged"), [(-1, 0), (0, 0), (1, 5000)])
async def test_saleor_lets_the_later_event_win(later_s: int, charged: int) -> None:
    """A success counts only where it is later than the failure, whatever came first."""
    saleor = FakeSaleor(TurnedClock(), TOKEN)
    await saleor.report(INSTALLATION, replace(SUCCESS, time=NOON + timedelta(seconds=later_s)), timeout_s=8)
    await saleor.report(INSTALLATION, FAILURE, timeout_s=8)
    assert charged == saleor.charged(PAYMENT.transaction_id)


async def test_saleor_refuses_strangers_and_hangs_at_a_closed_gate() -> None:
    """Without the token nothing is taken, nor for another Saleor's transaction, nor at a closed gate."""
    clock = TurnedClock()
    saleor = FakeSaleor(clock, TOKEN)
    for wrong in (
        replace(INSTALLATION, token=SecretStr("guessed")),
        replace(INSTALLATION, saleor_api_url="https://other.example/"),
    ):
        with pytest.raises(SaleorRefused):
            await saleor.report(wrong, SUCCESS, timeout_s=8)
    saleor.gates.close(SHOP)
    with pytest.raises(SaleorError, match="no answer"):
        await clock.turn_until(saleor.report(INSTALLATION, SUCCESS, timeout_s=1))
    assert ([], 0) == (saleor.events(PAYMENT.transaction_id), saleor.charged(PAYMENT.transaction_id))
