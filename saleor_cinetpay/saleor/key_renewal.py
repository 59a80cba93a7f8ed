"""A shop's newer keys: fetched where something is signed with a key that we lack, for webhooks and tokens alike.

At most one fetch for a shop in ten seconds, by all processes together; callers who come while it is under way wait
for the same answer.
"""

import asyncio
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

import structlog

from saleor_cinetpay.errors import SaleorError, UnknownKey
from saleor_cinetpay.saleor.keys import KeySet

FETCH_S = 3.0

_log = structlog.get_logger(__name__)


class Keyed(Protocol):
    """An installation, as far as its keys go."""

    @property
    def saleor_api_url(self) -> str:
        """Whose keys they are."""
        ...

    @property
    def key_set(self) -> str:
        """The JWKS, as JSON text."""
        ...


Installed = TypeVar("Installed", bound=Keyed)
Asked = TypeVar("Asked", bound=Keyed, contravariant=True)


class KeptKeySets(Protocol[Installed]):
    """Keeps the key sets of installations."""

    async def may_fetch_key_set(self, saleor_api_url: str) -> bool:
        """Claim the one fetch that is allowed in ten seconds."""
        ...

    async def renew_key_set(self, installation: Installed, key_set: str) -> Installed:
        """Store a newly fetched key set, and return the installation with it."""
        ...


class FetchedKeySets(Protocol[Asked]):
    """Fetches the keys of a Saleor."""

    async def fetch_key_set(self, installation: Asked, *, timeout_s: float) -> str:
        """Return the key set's JSON.

        Raises:
            SaleorError: where it can't be had.
        """
        ...


class KeyRenewal(Generic[Installed]):
    """Brings the newest keys of installations."""

    def __init__(self, kept: KeptKeySets[Installed], fetched: FetchedKeySets[Installed]) -> None:
        self._kept = kept
        self._fetched = fetched
        self._fetching: dict[str, asyncio.Task[Installed]] = {}

    async def renewed(self, installation: Installed, unknown: UnknownKey) -> Installed:
        """Return the installation with the key set that its Saleor has now.

        Raises:
            UnknownKey: the very one given, where a fetch is not allowed yet or fails.
        """
        saleor_api_url = installation.saleor_api_url
        if saleor_api_url not in self._fetching:
            if not await self._kept.may_fetch_key_set(saleor_api_url):
                raise unknown
            task = asyncio.create_task(self._fetch(installation, unknown))
            self._fetching[saleor_api_url] = task
            task.add_done_callback(lambda _task: self._fetching.pop(saleor_api_url, None))
        return await asyncio.shield(self._fetching[saleor_api_url])

    async def _fetch(self, installation: Installed, unknown: UnknownKey) -> Installed:
        try:
            key_set = await self._fetched.fetch_key_set(installation, timeout_s=FETCH_S)
            KeySet.parse(key_set)
        except SaleorError as error:
            _log.warning("key_set_not_fetched", saleor_api_url=installation.saleor_api_url, error=str(error))
            raise unknown from error
        return await self._kept.renew_key_set(installation, key_set)


@lru_cache(maxsize=1024)
def parsed_keys(key_set: str) -> KeySet:
    """Return a stored key set, parsed once."""
    return KeySet.parse(key_set)
