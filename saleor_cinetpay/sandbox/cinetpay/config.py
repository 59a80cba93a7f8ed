"""What a sandbox is built with."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

import httpx2 as httpx

from saleor_cinetpay.sandbox.defaults import DEFAULT_API_KEY, DEFAULT_SITE_ID, NotifyMode


class Clock(Protocol):
    """Tells the time, and waits."""

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        ...


class MachineClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for that many seconds."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """One site (service) of a merchant. Sites with one API key are one merchant's, and share its account balance."""

    site_id: str = DEFAULT_SITE_ID
    api_key: str = field(default=DEFAULT_API_KEY, repr=False)
    phone_required: bool = False
    """Whether this site must send the buyer's number along (guide 2.2: merchants who got a letter)."""
    notify_url: str = ""
    return_url: str = ""
    cancel_url: str = ""
    """The three preferences of the back office (guide 3.1), for forms that bring no address of their own."""

    def __post_init__(self) -> None:
        for address in (self.notify_url, self.return_url, self.cancel_url):
            if address and not is_web_address(address):
                raise ValueError(f"{address!r} is no web address")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """A whole sandbox; every default works on one machine."""

    merchants: tuple[Merchant, ...] = (Merchant(),)
    public_url: str = "http://127.0.0.1:8001"
    """Where browsers reach it; told to callers of the control API."""
    state: str = ":memory:"
    """The SQLite file that keeps payments over a restart, or `:memory:`."""
    notify: NotifyMode = NotifyMode.ONCE
    late_s: float = 10.0
    """How late a late notification is, where the tester says nothing else."""
    notify_retries_s: tuple[float, ...] = (5.0, 30.0, 120.0)
    """How long a notification that failed waits before each further try."""
    notify_timeout_s: float = 10.0
    frame_ancestors: tuple[str, ...] = ()
    """Origins that may frame the payment page. CinetPay forbids all (guide 2.2); a demo may need its own."""
    clock: Clock = field(default_factory=MachineClock)
    transport: httpx.AsyncBaseTransport | None = None
    """What carries the notifications, for tests without sockets; the network where it is left out."""


def is_web_address(address: str) -> bool:
    """Say whether this is an http(s) address with a host; nothing else is ever called or linked."""
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
