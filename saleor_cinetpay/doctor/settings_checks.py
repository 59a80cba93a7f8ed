"""Settings: what can be told from them alone."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from saleor_cinetpay.doctor.finding import Finding, english, failure, ok, warning
from saleor_cinetpay.doctor.means import Means

GOOD_KEY_LENGTH = 32
FEWEST_KEY_LETTERS = 8
REAL_CINETPAY = ("cinetpay.com",)


async def secret_key(means: Means) -> AsyncIterator[Finding]:
    """Each key must be long and not guessable: it is stretched by nothing."""
    for number, key in enumerate(means.settings.secret_keys, 1):
        if len(key) < GOOD_KEY_LENGTH or len(set(key)) < FEWEST_KEY_LETTERS:
            yield warning(
                "secret_key",
                english("Key {number} of SECRET_KEY is short or monotonous, so it might be guessed.", number=number),
                english("Put a new one first, from `openssl rand -base64 32`, and run `saleor-cinetpay rotate-keys`."),
            )
            return
    yield ok("secret_key", english("SECRET_KEY is long enough."))


async def environment(means: Means) -> AsyncIterator[Finding]:
    """Development is for machines that nobody else reaches."""
    settings = means.settings
    host = urlsplit(settings.app_api_base_url or "").hostname or ""
    if settings.production:
        yield ok("environment", english("APP_ENV is production."))
    elif settings.app_api_base_url and settings.app_api_base_url.startswith("https://") and "." in host:
        yield failure(
            "environment",
            english("APP_ENV is development, but {address} looks public.", address=settings.app_api_base_url),
            english("Set APP_ENV=production: in development shops may lead the app to addresses inside your network."),
        )
    else:
        yield warning(
            "environment",
            english("APP_ENV is development: http, loopback and private addresses are allowed."),
            english("Set APP_ENV=production where others can reach the app."),
        )


async def base_url(means: Means) -> AsyncIterator[Finding]:
    """Without a public address of its own the app believes what it is asked at."""
    address = means.settings.app_api_base_url
    if address is None:
        yield warning(
            "base_url",
            english("APP_API_BASE_URL is not set: each installation keeps the address at which it was installed."),
            english("Set it to the app's public address, such as https://pay.example.com."),
        )
        return
    parts = urlsplit(address)
    if parts.path.strip("/") or parts.query or parts.fragment:
        yield warning(
            "base_url",
            english("APP_API_BASE_URL is {address}: it has more than scheme, host and port.", address=address),
            english("That only works where your proxy removes the path again; check `public_address`."),
        )
        return
    yield ok("base_url", english("APP_API_BASE_URL is {address}.", address=address))


async def who_may_install(means: Means) -> AsyncIterator[Finding]:
    """Which Saleors may install the app."""
    allowed = means.settings.allowed_saleor_urls
    if allowed:
        yield ok("who_may_install", english("ALLOWED_SALEOR_URLS has {count} patterns.", count=len(allowed)))
    else:
        yield warning(
            "who_may_install",
            english("ALLOWED_SALEOR_URLS is not set: any Saleor at a public address may install the app."),
            english("Set it to the API URLs of your shops, unless you offer the app to everybody."),
        )


async def proxies(means: Means) -> AsyncIterator[Finding]:
    """Whose word about the caller's address counts."""
    if means.settings.forwarded_allow_ips.strip() == "*":
        yield warning(
            "proxies",
            english("FORWARDED_ALLOW_IPS is *: whoever reaches the app directly can say that they are somebody else."),
            english("Name the addresses of your proxies, or make sure that only they can reach the app's port."),
        )
    else:
        yield ok("proxies", english("Forwarded headers count from {ips}.", ips=means.settings.forwarded_allow_ips))


async def metrics(means: Means) -> AsyncIterator[Finding]:
    """Who may read the metrics."""
    if means.settings.metrics_token is None and means.settings.production:
        yield warning(
            "metrics",
            english("METRICS_TOKEN is not set: whoever reaches the app can read /metrics."),
            english("Set it, and give it to your Prometheus; or keep /metrics away from the Internet in your proxy."),
        )
    else:
        yield ok("metrics", english("/metrics is for who has the token."))


async def cinetpay_addresses(means: Means) -> AsyncIterator[Finding]:
    """Live payments go to CinetPay, and test payments don't."""
    settings = means.settings
    strange = [
        address for address in (settings.cinetpay_api_url, settings.cinetpay_checkout_url) if not _is_cinetpay(address)
    ]
    mixed = [
        address
        for address in (settings.cinetpay_test_api_url, settings.cinetpay_test_checkout_url)
        if address is not None and _is_cinetpay(address)
    ]
    half = (settings.cinetpay_test_api_url is None) != (settings.cinetpay_test_checkout_url is None)
    if strange and settings.production:
        yield failure(
            "cinetpay_addresses",
            english("Live payments go to {address}, which is not CinetPay's.", address=strange[0]),
            english("Remove CINETPAY_API_URL and CINETPAY_CHECKOUT_URL; a sandbox belongs into CINETPAY_TEST_..."),
        )
    if mixed:
        yield failure(
            "cinetpay_addresses",
            english("Test payments go to {address}, the real CinetPay: they would cost money.", address=mixed[0]),
            english("Set CINETPAY_TEST_API_URL and CINETPAY_TEST_CHECKOUT_URL to a sandbox, or remove them."),
        )
    if half:
        yield failure(
            "cinetpay_addresses",
            english("Only one of CINETPAY_TEST_API_URL and CINETPAY_TEST_CHECKOUT_URL is set."),
            english("Set both, or neither."),
        )
    if not (strange and settings.production) and not mixed and not half:
        yield ok("cinetpay_addresses", english("CinetPay's addresses are as they should be."))


async def retention(means: Means) -> AsyncIterator[Finding]:
    """What is still watched is not purged anyway; a short retention only looks effective."""
    after, watch = means.settings.purge_after_days, means.settings.watch_days
    if after is not None and after <= watch:
        yield warning(
            "retention",
            english(
                "PURGE_AFTER_DAYS is {after:g}, but unpaid payments are watched for {watch:g}.",
                after=after,
                watch=watch,
            ),
            english("Take more days than WATCH_DAYS."),
        )
    elif after is None:
        yield ok("retention", english("Personal data is kept until you call `saleor-cinetpay purge`."))
    else:
        yield ok("retention", english("Personal data goes after {after:g} days.", after=after))


def _is_cinetpay(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    return any(host == real or host.endswith(f".{real}") for real in REAL_CINETPAY)
