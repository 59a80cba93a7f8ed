"""The public address: what Saleor, CinetPay and buyers meet who call it, as far as that can be seen from inside.

These are the common mistakes of CinetPay's guide (section 3.5) and of proxies: an address that leads elsewhere, a
redirect, another certificate, a wall before it, fields that get lost.
"""

import json
from collections.abc import AsyncIterator

from saleor_cinetpay.doctor.calls import NoReply, Reply, Why, call
from saleor_cinetpay.doctor.finding import Finding, failure, ok, warning
from saleor_cinetpay.doctor.means import FIELDS_HEADER, INSTANCE, INSTANCE_HEADER, Means, Shop, base_url_of
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.shops.accounts import Account

PROBE = {"cpm_trans_id": "DOCTOR", "cpm_custom": "doctor"}
"""What is posted to the notification address: no payment has such a trans id, so nothing changes."""


async def public_address(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """It is https, reached without a redirect, and this very app answers there."""
    base = base_url_of(means, shop)
    if means.settings.production and not base.startswith("https://"):
        yield failure(
            "public_address",
            text("The app's public address {address} is not https.", address=base),
            text("Put a proxy with a certificate before the app, and set APP_API_BASE_URL to its https address."),
            about=base,
        )
        return
    try:
        reply = await call(means.http, means.clock, "GET", f"{base}/health/live")
    except NoReply as error:
        yield _not_reached(base, error)
        return
    if reply.redirects_to:
        yield failure(
            "public_address",
            text(
                "{address} leads on to {target}: callers lose what they send.", address=base, target=reply.redirects_to
            ),
            text("Set APP_API_BASE_URL to the address that answers itself, without a redirect."),
            about=base,
        )
    elif reply.status != 200:
        yield failure(
            "public_address",
            text("{address} answers {status} where the app would answer 200.", address=base, status=reply.status),
            text("Something before the app answers in its place: check the proxy, its login and its firewall."),
            about=base,
        )
    elif not means.secrets.proves(reply.headers.get(INSTANCE_HEADER, ""), INSTANCE):
        yield failure(
            "public_address",
            text("Another app answers at {address}, or one with another SECRET_KEY.", address=base),
            text("Check where the name leads, and that all processes have the same SECRET_KEY."),
            about=base,
        )
    else:
        yield ok("public_address", text("The app is reached at {address}.", address=base), about=base)


async def manifest(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """Asked from outside, the app knows its own public address; a proxy may hide it."""
    base = base_url_of(means, shop)
    try:
        reply = await call(means.http, means.clock, "GET", f"{base}/api/manifest")
        told = json.loads(reply.body)
        target, app_id = str(told["tokenTargetUrl"]), str(told["id"])
    except NoReply:
        return  # public_address has said so
    except (ValueError, KeyError, TypeError, RecursionError):
        yield failure(
            "manifest",
            text("{address} does not answer with the app's manifest.", address=f"{base}/api/manifest"),
            text("Something before the app answers in its place: check the proxy."),
            about=base,
        )
        return
    if not target.startswith(f"{base}/"):
        yield failure(
            "manifest",
            text("Asked at {address}, the app takes its address for {target}.", address=base, target=target),
            text("Set APP_API_BASE_URL, or let the proxy pass X-Forwarded-Proto and name it in FORWARDED_ALLOW_IPS."),
            about=base,
        )
    elif app_id != means.settings.manifest_app_id:
        yield failure(
            "manifest",
            text("The manifest at {address} is of the app {app_id}.", address=base, app_id=app_id),
            text("Give all processes the same MANIFEST_APP_ID."),
            about=base,
        )
    else:
        yield ok("manifest", text("The manifest has the right addresses."), about=base)


async def frame(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """The Dashboard may show the pages: a proxy that forbids frames for all of a site breaks them."""
    base = base_url_of(means, shop)
    try:
        reply = await call(means.http, means.clock, "GET", f"{base}/dashboard")
    except NoReply:
        return
    if "x-frame-options" in reply.headers:
        yield failure(
            "frame",
            text("Something before the app adds X-Frame-Options, so the Dashboard can't show these pages."),
            text("Let the proxy leave that header out; the app says itself who may frame its pages."),
            about=base,
        )
    else:
        yield ok("frame", text("The Dashboard may show the app's pages."), about=base)


async def notification_address(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """CinetPay reaches each account's notification address: GET and POST get 200, and no field is lost on the way."""
    base = base_url_of(means, shop)
    for account in await accounts_of(means, shop):
        address = f"{base}/cinetpay/notify/{account.account_key}"
        try:
            wrong = await _wrong_at(means, address)
        except NoReply:
            return
        if wrong is None:
            yield ok(
                "notification_address", text("Notifications of {account} arrive.", account=account.label), about=address
            )
        else:
            yield failure(
                "notification_address",
                wrong,
                text("Let the proxy pass GET and POST to this address unchanged: no login, redirect or filter."),
                about=address,
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
    match error.why:
        case Why.NAME:
            return failure(
                "public_address",
                text("The name in {address} can't be resolved.", address=base),
                text("Enter the name in your DNS, or correct APP_API_BASE_URL."),
                about=base,
            )
        case Why.TLS:
            return failure(
                "public_address",
                text("The certificate at {address} is not accepted.", address=base),
                text("Renew it, or complete its chain: Saleor and CinetPay refuse it too."),
                about=base,
            )
        case Why.PRIVATE:
            return warning(
                "public_address",
                text("From here, {address} leads to an address that is not public.", address=base),
                text("If that is so outside too, Saleor and CinetPay can't reach the app: try it from elsewhere."),
                about=base,
            )
        case Why.SILENT:
            return warning(
                "public_address",
                text("From here, {address} can't be reached.", address=base),
                text("Some networks can't reach their own public address. Open it from elsewhere, with /health/live."),
                about=base,
            )
