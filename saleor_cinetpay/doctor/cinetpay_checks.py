"""CinetPay: the credentials of each account, whether it hears us, and its clock."""

from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy import select

from saleor_cinetpay.doctor.address_checks import accounts_of
from saleor_cinetpay.doctor.calls import NoReply, call
from saleor_cinetpay.doctor.finding import Finding, Voice, english
from saleor_cinetpay.doctor.means import CALL_S, Means, Shop
from saleor_cinetpay.errors import CinetPayError, CinetPayRefused
from saleor_cinetpay.locale import text
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.shops.accounts import Account

SLOW_CLOCK = timedelta(seconds=30)
WRONG_CLOCK = timedelta(minutes=5)
RECENT = timedelta(days=7)
ASKED_ABOUT = 3
"""Payments of each account whose acknowledgement is asked for."""


async def cinetpay_account(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """CinetPay knows the site and accepts the key of each account, by asking for its balance."""
    accounts = await accounts_of(means, shop)
    if not accounts and await means.accounts.preview(shop.url) is None:
        yield Voice("cinetpay_account", shop.url).failure(
            text("The shop has no CinetPay account, so nobody can pay."),
            text("Enter site id and API key in the settings."),
        )
    for account in accounts or [one for one in [await means.accounts.preview(shop.url)] if one]:
        yield await _asked(means, account)


async def _asked(means: Means, account: Account) -> Finding:
    voice = Voice("cinetpay_account", account.site_id)
    try:
        await means.cinetpays.get_compte_status(account, timeout_s=CALL_S)
    except CinetPayRefused as refused:
        return voice.failure(
            text("CinetPay refuses the account {account} (code {code}).", account=account.label, code=refused.code),
            refused.merchant,
        )
    except CinetPayError as error:
        return voice.warning(
            text("CinetPay did not answer about the account {account}.", account=account.label), error.merchant
        )
    return voice.ok(text("CinetPay accepts the account {account}.", account=account.label))


async def acknowledged(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """CinetPay says of recent payments that its notification was answered (`cpm_ipn_ack`)."""
    for account in await accounts_of(means, shop):
        recent = (
            select(payments.c.trans_id)
            .where(
                payments.c.account_key == account.account_key,
                payments.c.state == PaymentState.ACCEPTED,
                payments.c.success_time > means.clock.now() - RECENT,
            )
            .order_by(payments.c.success_time.desc())
            .limit(ASKED_ABOUT)
        )
        async with means.database.read() as connection:
            asked = (await connection.execute(recent)).scalars().all()
        if not asked:
            continue
        said: list[str] = []
        for trans_id in asked:
            try:
                held = await means.cinetpays.check_pay_status(account, TransId(trans_id), timeout_s=CALL_S)
            except CinetPayError:
                continue
            said.append(held.cpm_ipn_ack.strip().upper() if held is not None else "")
        voice = Voice("acknowledged", account.site_id)
        if "Y" in said:
            yield voice.ok(text("CinetPay's notifications of {account} were answered.", account=account.label))
        elif "N" in said:
            yield voice.warning(
                text("CinetPay says that its notifications of {account} are not answered.", account=account.label),
                text("Payments are found all the same, but later. Check the notification address."),
            )
        elif said:
            yield voice.note(
                text("CinetPay does not say whether notifications of {account} arrive.", account=account.label)
            )


async def clock(means: Means) -> AsyncIterator[Finding]:
    """The machine's clock agrees with CinetPay's: signatures, tokens and the order of events rest on it."""
    voice = Voice("cinetpay_reached")
    try:
        reply = await call(means.cinetpay_http, means.clock, "GET", means.settings.cinetpay_api_url)
    except NoReply as error:
        yield voice.failure(
            english(
                "CinetPay ({address}) can't be reached: {reason}.",
                address=means.settings.cinetpay_api_url,
                reason=str(error),
            ),
            english("Check the way out: DNS, firewall, proxy. The app uses no proxy variables."),
        )
        return
    yield voice.ok(english("CinetPay answers at {address}.", address=means.settings.cinetpay_api_url))
    yield judged_clock(reply.ahead, "CinetPay")


def judged_clock(ahead: timedelta | None, whose: str) -> Finding:
    """Say what a difference of clocks means."""
    voice = Voice("clock", whose)
    if ahead is None:
        return voice.note(english("{whose} does not say what time it is.", whose=whose))
    apart = abs(ahead)
    seconds = round(apart.total_seconds())
    said = english(
        "This machine's clock is {seconds} s {way} {whose}'s.",
        seconds=seconds,
        way="ahead of" if ahead > timedelta(0) else "behind",
        whose=whose,
    )
    remedy = english("Let the machine keep its time by NTP (timedatectl set-ntp true).")
    if apart > WRONG_CLOCK:
        return voice.failure(said, remedy)
    if apart > SLOW_CLOCK:
        return voice.warning(said, remedy)
    return voice.ok(english("This machine's clock agrees with {whose}'s.", whose=whose))
