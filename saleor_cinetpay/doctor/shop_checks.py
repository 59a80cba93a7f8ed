"""A shop: whether its Saleor accepts the app, holds the right webhooks, and what the shop has still to choose."""

from collections.abc import AsyncIterator

import httpx2 as httpx

from saleor_cinetpay.doctor.calls import NoReply, call
from saleor_cinetpay.doctor.cinetpay_checks import judged_clock
from saleor_cinetpay.doctor.finding import Finding, Voice, english
from saleor_cinetpay.doctor.means import CALL_S, Means, Shop, base_url_of
from saleor_cinetpay.errors import AddressForbidden, SaleorError, SaleorRefused
from saleor_cinetpay.locale import text
from saleor_cinetpay.saleor.address import AddressRules, SaleorApiUrl
from saleor_cinetpay.saleor.keys import KeySet
from saleor_cinetpay.saleor.manifest import OLDEST_SCHEMA, build_manifest, declared_webhooks
from saleor_cinetpay.saleor.registration import NEEDED_PERMISSION
from saleor_cinetpay.saleor.webhooks_in_step import Steps, bring_in_step, steps_between

NEWEST_TRIED = (3, 23)
"""The newest Saleor that this version was tried with."""


async def saleor(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """The shop's Saleor accepts the token, as the same app, with the permission, in a version that is supported."""
    voice = Voice("saleor_token", shop.url)
    held = shop.installation
    try:
        identity = await means.saleor.identify(SaleorApiUrl(shop.url), held.token, timeout_s=CALL_S)
    except SaleorRefused:
        yield voice.failure(
            text("Saleor does not accept the app's token: reports and orders wait."),
            text("Install the app again in the Dashboard; nothing is lost by it."),
        )
        return
    except SaleorError as error:
        yield voice.warning(
            text("Saleor could not be asked: {reason}.", reason=str(error)),
            text("Check that the shop's API address is reachable from the app."),
        )
        return
    if identity.app_id != held.app_id:
        yield voice.failure(
            text("The token belongs to another app ({app_id}) of this Saleor.", app_id=identity.app_id),
            text("Install the app again in the Dashboard; nothing is lost by it."),
        )
    else:
        yield voice.ok(text("Saleor accepts the app's token."))
    if NEEDED_PERMISSION in identity.permissions:
        yield Voice("saleor_permission", shop.url).ok(text("The app may handle payments."))
    else:
        yield Voice("saleor_permission", shop.url).failure(
            text("The app lacks the permission {permission}.", permission=NEEDED_PERMISSION),
            text("Grant it in the Dashboard, on the app's page, or install the app again."),
        )
    if identity.identifier not in {None, means.settings.manifest_app_id}:
        yield Voice("saleor_identifier", shop.url).warning(
            english(
                "Saleor knows the app as {identifier}, but MANIFEST_APP_ID is {app_id}.",
                identifier=identity.identifier,
                app_id=means.settings.manifest_app_id,
            ),
            english("Set MANIFEST_APP_ID back: installed again under another name, the app can't report old payments."),
        )
    yield _judged_version(identity.version, shop)


def _judged_version(version: str, shop: Shop) -> Finding:
    voice = Voice("saleor_version", shop.url)
    major, minor = ([int(part) if part.isdigit() else 0 for part in version.split(".")] + [0, 0])[:2]
    if (major, minor) < OLDEST_SCHEMA:
        return voice.failure(
            text("Saleor {version} is older than the app supports.", version=version),
            text("Upgrade Saleor to 3.20 or newer."),
        )
    if (major, minor) > NEWEST_TRIED:
        return voice.note(
            text("Saleor {version} is newer than what this version of the app was tried with.", version=version),
            text("Look for a newer version of the app."),
        )
    return voice.ok(text("Saleor {version} is supported.", version=version))


async def saleor_keys(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """The keys with which Saleor signs are the ones that are held; a rotation is followed by itself."""
    voice = Voice("saleor_keys", shop.url)
    try:
        fetched = KeySet.parse(await means.saleor.fetch_key_set(SaleorApiUrl(shop.url), timeout_s=CALL_S))
        held = KeySet.parse(shop.installation.key_set)
    except SaleorError as error:
        yield voice.warning(
            text("Saleor's keys could not be read: {reason}.", reason=str(error)),
            text("Check that /.well-known/jwks.json of the shop is reachable from the app."),
        )
        return
    if set(fetched.keys) & set(held.keys):
        yield voice.ok(text("Saleor's signatures can be checked."))
    else:
        yield voice.warning(
            text("Saleor signs with other keys than when the app was installed."),
            text("The app fetches them with the next call; if calls are refused all the same, install it again."),
        )


def manifest_for(means: Means, shop: Shop) -> dict[str, object]:
    """Return the manifest as that shop's Saleor gets it."""
    return build_manifest(
        base_url=base_url_of(means, shop),
        app_id=means.settings.manifest_app_id,
        schema_version=shop.installation.saleor_version,
        webhooks=declared_webhooks(),
    )


async def webhooks(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """Saleor holds the webhooks of this version's manifest."""
    voice = Voice("webhooks", shop.url)
    try:
        held = await means.saleor.read_webhooks(SaleorApiUrl(shop.url), shop.installation.token, timeout_s=CALL_S)
    except SaleorError:
        return  # `saleor` has said so
    steps = steps_between(held, manifest_for(means, shop))
    if steps.in_step:
        yield voice.ok(text("Saleor calls the app where and as it should."))
    else:
        yield voice.failure(
            text(
                "Saleor's webhooks are not those of this version: {differences}.",
                differences="; ".join(steps.differences),
            ),
            text("Bring them up to date on the Health page, or install the app again."),
        )


async def update_webhooks(means: Means, shop: Shop) -> Steps:
    """Bring the shop's webhooks in step with the manifest.

    Raises:
        SaleorError: where Saleor could not be asked, or refused.
    """
    where = SaleorApiUrl(shop.url), shop.installation.token
    return await bring_in_step(means.saleor, *where, manifest_for(means, shop))


async def allowed(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """The operator still admits this Saleor."""
    voice = Voice("allowed", shop.url)
    settings = means.settings
    rules = AddressRules(allowed=settings.allowed_saleor_urls, development=not settings.production)
    try:
        rules.admit(shop.url)
    except AddressForbidden as error:
        yield voice.warning(
            english("The app is installed here, but may not be installed again: {reason}.", reason=str(error)),
            english("Add it to ALLOWED_SALEOR_URLS, or have the shop delete the app."),
        )
        return
    yield voice.ok(english("This Saleor may install the app."))


async def installed_address(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """The address that the shop installed the app from is the one that is set now."""
    voice = Voice("installed_address", shop.url)
    given, held = means.settings.app_api_base_url, shop.installation.app_base_url
    if given is None or given.rstrip("/") == held.rstrip("/"):
        yield voice.ok(english("The shop reaches the app at {address}.", address=held))
    else:
        yield voice.warning(
            english("The shop installed the app at {held}, but APP_API_BASE_URL is {given}.", held=held, given=given),
            english("Keep the old address working until the shop has installed the app again."),
        )


async def storefronts(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """Buyers can be led back to the storefront."""
    voice = Voice("storefronts", shop.url)
    choices = await means.shop_settings.of(shop.url)
    if choices.storefront_origins:
        yield voice.ok(text("Buyers are led back to the storefront."))
    else:
        yield voice.warning(
            text("No storefront is entered, so buyers are not led back to it by themselves."),
            text("Enter its address in the settings."),
        )


async def automatic_completion(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """Whether channels complete paid checkouts can't be read with HANDLE_PAYMENTS; staff look it up themselves."""
    voice = Voice("automatic_completion", shop.url)
    choices = await means.shop_settings.of(shop.url)
    where = text(
        "Staff who may manage channels find it in the Dashboard: Configuration, Channels, the channel, "
        "“Turn fully paid checkouts into orders automatically”."
    )
    if choices.complete_after is None:
        yield voice.note(
            text("The app does not complete paid checkouts, and it can't see whether the channels do."), where
        )
    else:
        yield voice.note(
            text(
                "The app completes a paid checkout {minutes} minutes after the payment. It can't see whether the "
                "channels do it before.",
                minutes=round(choices.complete_after.total_seconds() / 60),
            ),
            where,
        )


async def saleor_clock(means: Means, shop: Shop) -> AsyncIterator[Finding]:
    """The machine's clock agrees with Saleor's."""
    try:
        reply = await call(means.http, means.clock, "GET", str(httpx.URL(shop.url).join("/.well-known/jwks.json")))
    except NoReply:
        return
    yield judged_clock(reply.ahead, shop.url)
