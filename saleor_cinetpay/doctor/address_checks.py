"""The public address: what Saleor, CinetPay and buyers meet who call it, as far as that can be seen from inside.

These are the common mistakes of CinetPay's guide (section 3.5) and of proxies: an address that leads elsewhere, a
redirect, another certificate, a wall before it, fields that get lost.
"""

import json
from collections.abc import AsyncIterator

from saleor_cinetpay.doctor.calls import NoReply, Reply, Why, call
from saleor_cinetpay.doctor.finding import Finding, Voice
from saleor_cinetpay.doctor.means import FIELDS_HEADER, INSTANCE, INSTANCE_HEADER, Means, Shop, base_url_of
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.shops.accounts import Account

PROBE = {"cpm_trans_id": "DOCTOR", "cpm_custom": "doctor"}
"""What is posted to the notification address: no payment has such a trans id, so nothing changes."""


async def public_address(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """It is https, reached without a redirect, and this very app answers there."""
    base = base_url_of(means, shop)
    voice = Voice("public_address", base)
    if means.settings.production and not base.startswith("https://"):
        yield voice.failure(
            text("The app's public address {address} is not https.", address=base),
            text("Put a proxy with a certificate before the app, and set APP_API_BASE_URL to its https address."),
        )
        return
    try:
        reply = await call(means.http, means.clock, "GET", f"{base}/health/live")
    except NoReply as error:
        yield _not_reached(base, error)
        return
    if reply.redirects_to:
        yield voice.failure(
            text(
                "{address} leads on to {target}: callers lose what they send.", address=base, target=reply.redirects_to
            ),
            text("Set APP_API_BASE_URL to the address that answers itself, without a redirect."),
        )
    elif reply.status != 200:
        yield voice.failure(
            text("{address} answers {status} where the app would answer 200.", address=base, status=reply.status),
            text("Something before the app answers in its place: check the proxy, its login and its firewall."),
        )
    elif not means.secrets.proves(reply.headers.get(INSTANCE_HEADER, ""), INSTANCE):
        yield voice.failure(
            text("Another app answers at {address}, or one with another SECRET_KEY.", address=base),
            text("Check where the name leads, and that all processes have the same SECRET_KEY."),
        )
    else:
        yield voice.ok(text("The app is reached at {address}.", address=base))


async def manifest(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """Asked from outside, the app knows its own public address; a proxy may hide it."""
    base = base_url_of(means, shop)
    voice = Voice("manifest", base)
    try:
        reply = await call(means.http, means.clock, "GET", f"{base}/api/manifest")
        told = json.loads(reply.body)
        target, app_id = str(told["tokenTargetUrl"]), str(told["id"])
    except NoReply:
        return  # public_address has said so
    except (ValueError, KeyError, TypeError, RecursionError):
        yield voice.failure(
            text("{address} does not answer with the app's manifest.", address=f"{base}/api/manifest"),
            text("Something before the app answers in its place: check the proxy."),
        )
        return
    if not target.startswith(f"{base}/"):
        yield voice.failure(
            text("Asked at {address}, the app takes its address for {target}.", address=base, target=target),
            text("Set APP_API_BASE_URL, or let the proxy pass X-Forwarded-Proto and name it in FORWARDED_ALLOW_IPS."),
        )
    elif app_id != means.settings.manifest_app_id:
        yield voice.failure(
            text("The manifest at {address} is of the app {app_id}.", address=base, app_id=app_id),
            text("Give all processes the same MANIFEST_APP_ID."),
        )
    else:
        yield voice.ok(text("The manifest has the right addresses."))


async def frame(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """The Dashboard may show the pages: a proxy that forbids frames for all of a site breaks them."""
    base = base_url_of(means, shop)
    voice = Voice("frame", base)
    try:
        reply = await call(means.http, means.clock, "GET", f"{base}/dashboard")
    except NoReply:
        return
    if "x-frame-options" in reply.headers:
        yield voice.failure(
            text("Something before the app adds X-Frame-Options, so the Dashboard can't show these pages."),
            text("Let the proxy leave that header out; the app says itself who may frame its pages."),
        )
    else:
        yield voice.ok(text("The Dashboard may show the app's pages."))


async def notification_address(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """CinetPay reaches each account's notification address: GET and POST get 200, and no field is lost on the way."""
    base = base_url_of(means, shop)
    for account in await accounts_of(means, shop):
        address = f"{base}/cinetpay/notify/{account.account_key}"
        voice = Voice("notification_address", address)
        try:
            wrong = await _wrong_at(means, address)
        except NoReply:
            return
        if wrong is None:
            yield voice.ok(text("The address of {account} takes notifications.", account=account.label))
        else:
            yield voice.failure(
                wrong, text("Let the proxy pass GET and POST to this address unchanged: no login, redirect or filter.")
            )


async def accounts_of(means: Means, shop: Shop) -> list[Account]:
    """Return the accounts of a shop that are kept."""
    return [account for account in await means.accounts.all() if account.saleor_api_url == shop.url]


async def _wrong_at(means: Means, address: str) -> Text | None:
    for method in ("GET", "HEAD", "POST"):
        form = PROBE if method == "POST" else None
        reply: Reply = await call(means.http, means.clock, method, address, form=form)
        if reply.redirects_to:
            return text(
                "Notifications by {method} are led on to {target} and lose their fields.",
                method=method,
                target=reply.redirects_to,
            )
        if reply.status != 200:
            return text("Notifications by {method} are answered {status}.", method=method, status=reply.status)
        if form is not None and reply.headers.get(FIELDS_HEADER) != str(len(form)):
            return text("Notifications arrive without their fields.")
    return None


def _not_reached(base: str, error: NoReply) -> Finding:
    voice = Voice("public_address", base)
    match error.why:
        case Why.NAME:
            return voice.failure(
                text("The name in {address} can't be resolved.", address=base),
                text("Enter the name in your DNS, or correct APP_API_BASE_URL."),
            )
        case Why.TLS:
            return voice.failure(
                text("The certificate at {address} is not accepted.", address=base),
                text("Renew it, or complete its chain: Saleor and CinetPay refuse it too."),
            )
        case Why.PRIVATE:
            return voice.warning(
                text("From here, {address} leads to an address that is not public.", address=base),
                text("If that is so outside too, Saleor and CinetPay can't reach the app: try it from elsewhere."),
            )
        case Why.SILENT:
            return voice.warning(
                text("From here, {address} can't be reached.", address=base),
                text("Some networks can't reach their own public address. Open it from elsewhere, with /health/live."),
            )
