"""Settings: what can be told from them alone."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from saleor_cinetpay.doctor.finding import Finding, Voice, english
from saleor_cinetpay.doctor.means import Means
from saleor_cinetpay.saleor.address import better_pattern

GOOD_KEY_LENGTH = 32
FEWEST_KEY_LETTERS = 8
REAL_CINETPAY = ("cinetpay.com",)


async def secret_key(means: Means) -> AsyncIterator[Finding]:
    """Each key must be long and not guessable: it is stretched by nothing."""
    voice = Voice("secret_key")
    for number, key in enumerate(means.settings.secret_keys, 1):
        if len(key) < GOOD_KEY_LENGTH or len(set(key)) < FEWEST_KEY_LETTERS:
            yield voice.warning(
                english("Key {number} of SECRET_KEY is short or monotonous, so it might be guessed.", number=number),
                english("Put a new one first, from `openssl rand -base64 32`, and run `saleor-cinetpay rotate-keys`."),
            )
            return
    yield voice.ok(english("SECRET_KEY is long enough."))


async def environment(means: Means) -> AsyncIterator[Finding]:
    """Development is for machines that nobody else reaches."""
    voice = Voice("environment")
    settings = means.settings
    host = urlsplit(settings.app_api_base_url or "").hostname or ""
    if settings.production:
        yield voice.ok(english("APP_ENV is production."))
    elif settings.app_api_base_url and settings.app_api_base_url.startswith("https://") and "." in host:
        yield voice.failure(
            english("APP_ENV is development, but {address} looks public.", address=settings.app_api_base_url),
            english("Set APP_ENV=production: in development shops may lead the app to addresses inside your network."),
        )
    else:
        yield voice.warning(
            english("APP_ENV is development: http, loopback and private addresses are allowed."),
            english("Set APP_ENV=production where others can reach the app."),
        )


async def base_url(means: Means) -> AsyncIterator[Finding]:
    """Without a public address of its own the app believes what it is asked at."""
    voice = Voice("base_url")
    address = means.settings.app_api_base_url
    if address is None:
        yield voice.warning(
            english("APP_API_BASE_URL is not set: each installation keeps the address at which it was installed."),
            english("Set it to the app's public address, such as https://pay.example.com."),
        )
        return
    parts = urlsplit(address)
    if parts.path.strip("/") or parts.query or parts.fragment:
        yield voice.warning(
            english("APP_API_BASE_URL is {address}: it has more than scheme, host and port.", address=address),
            english("That only works where your proxy removes the path again; check `public_address`."),
        )
        return
    yield voice.ok(english("APP_API_BASE_URL is {address}.", address=address))


async def who_may_install(means: Means) -> AsyncIterator[Finding]:
    """Which Saleors may install the app."""
    voice = Voice("who_may_install")
    allowed, development = means.settings.allowed_saleor_urls, not means.settings.production
    useless = {one: better for one in allowed if (better := better_pattern(one, development=development))}
    for pattern, better in useless.items():
        yield voice.warning(
            english(
                "ALLOWED_SALEOR_URLS: {pattern} matches no Saleor: their API URLs are {start}.../graphql/, "
                "and * stops at / : @ ? #.",
                pattern=pattern,
                start="http(s)://" if development else "https://",
            ),
            english("Write {better} instead.", better=better),
        )
    if allowed and not useless:
        yield voice.ok(english("ALLOWED_SALEOR_URLS has {count} patterns.", count=len(allowed)))
    elif not allowed:
        yield voice.warning(
            english("ALLOWED_SALEOR_URLS is not set: any Saleor at a public address may install the app."),
            english("Set it to the API URLs of your shops, unless you offer the app to everybody."),
        )


async def proxies(means: Means) -> AsyncIterator[Finding]:
    """Whose word about the caller's address counts."""
    voice = Voice("proxies")
    if means.settings.forwarded_allow_ips.strip() == "*":
        yield voice.warning(
            english("FORWARDED_ALLOW_IPS is *: whoever reaches the app directly can say that they are somebody else."),
            english("Name the addresses of your proxies, or make sure that only they can reach the app's port."),
        )
    else:
        yield voice.ok(english("Forwarded headers count from {ips}.", ips=means.settings.forwarded_allow_ips))


async def metrics(means: Means) -> AsyncIterator[Finding]:
    """Who may read the metrics."""
    voice = Voice("metrics")
    if means.settings.metrics_token is None and means.settings.production:
        yield voice.warning(
            english("METRICS_TOKEN is not set: whoever reaches the app can read /metrics."),
            english("Set it, and give it to your Prometheus; or keep /metrics away from the Internet in your proxy."),
        )
    else:
        yield voice.ok(english("/metrics is for who has the token."))


async def cinetpay_addresses(means: Means) -> AsyncIterator[Finding]:
    """Live payments go to CinetPay, and test payments don't."""
    voice = Voice("cinetpay_addresses")
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
        yield voice.failure(
            english("Live payments go to {address}, which is not CinetPay's.", address=strange[0]),
            english("Remove CINETPAY_API_URL and CINETPAY_CHECKOUT_URL; a sandbox belongs into CINETPAY_TEST_..."),
        )
    if mixed:
        yield voice.failure(
            english("Test payments go to {address}, the real CinetPay: they would cost money.", address=mixed[0]),
            english("Set CINETPAY_TEST_API_URL and CINETPAY_TEST_CHECKOUT_URL to a sandbox, or remove them."),
        )
    if half:
        yield voice.failure(
            english("Only one of CINETPAY_TEST_API_URL and CINETPAY_TEST_CHECKOUT_URL is set."),
            english("Set both, or neither."),
        )
    if not (strange and settings.production) and not mixed and not half:
        yield voice.ok(english("CinetPay's addresses are as they should be."))


async def retention(means: Means) -> AsyncIterator[Finding]:
    """What is still watched is not purged anyway; a short retention only looks effective."""
    voice = Voice("retention")
    after, watch = means.settings.purge_after_days, means.settings.watch_days
    if after is not None and after <= watch:
        yield voice.warning(
            english(
                "PURGE_AFTER_DAYS is {after:g}, but unpaid payments are watched for {watch:g}.",
                after=after,
                watch=watch,
            ),
            english("Take more days than WATCH_DAYS."),
        )
    elif after is None:
        yield voice.ok(english("Personal data is kept until you call `saleor-cinetpay purge`."))
    else:
        yield voice.ok(english("Personal data goes after {after:g} days.", after=after))


def _is_cinetpay(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    return any(host == real or host.endswith(f".{real}") for real in REAL_CINETPAY)
