"""Keeps each shop's webhooks in step with the app, and its stored version with Saleor, without a re-install.

After an upgrade of the app, and once a day for an upgrade of Saleor, a shop is asked for its version; where the
manifest for that version is not the one that it was given, its webhooks are changed. A repeat changes nothing.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import SaleorError
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.webhooks_in_step import bring_in_step
from saleor_cinetpay.shops.in_step import InStep, StepsTaken
from saleor_cinetpay.shops.installations import Installation, Installations

ASK_EVERY = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class SaleorUpkeep:
    """The chore of the worker that does it."""

    def __init__(
        self,
        *,
        saleor: SaleorClient,
        installations: Installations,
        in_step: InStep,
        manifest_for: Callable[[Installation], Mapping[str, Any]],
        clock: Clock,
    ) -> None:
        """`manifest_for` makes the manifest as the installation's Saleor would get it today."""
        self._saleor = saleor
        self._installations = installations
        self.in_step = in_step
        self._manifest_for = manifest_for
        self._clock = clock
        self._asked_at: datetime | None = None

    async def claim_due(self, limit: int, *, except_shops: Collection[str]) -> list[StepsTaken]:
        """Take the shops that are due; asks the database once a minute, and at once while there may be more."""
        now = self._clock.now()
        if self._asked_at is not None and now - self._asked_at < ASK_EVERY:
            return []
        found = await self.in_step.claim_due(limit, except_shops=except_shops)
        self._asked_at = now if len(found) < limit else None
        return found

    async def give_back(self, taken: StepsTaken) -> None:
        """Make a shop due again that was taken and not finished."""
        await self.in_step.give_back(taken.saleor_api_url)

    def ask_at_once(self) -> None:
        """Let the next claim ask the database, however short ago the last one was."""
        self._asked_at = None

    async def look(self, taken: StepsTaken) -> None:
        """Ask one Saleor for its version and bring its webhooks in step; what fails is tried again later."""
        installation = await self._installations.find_now(taken.saleor_api_url)
        if installation is None:
            return
        url = SaleorApiUrl(installation.saleor_api_url)
        try:
            identity = await self._saleor.identify(url, installation.token)
            if identity.version != installation.saleor_version:
                installation = await self._installations.renew_version(installation, identity.version)
                log.info("saleor_version_changed", saleor_api_url=url, saleor_version=identity.version)
            manifest = self._manifest_for(installation)
            wanted = fingerprint(manifest)
            if wanted != taken.fingerprint:
                steps = await bring_in_step(self._saleor, url, installation.token, manifest)
                log.info("webhooks_in_step", saleor_api_url=url, changed=steps.differences)
        except SaleorError as error:
            log.warning("webhooks_not_in_step", saleor_api_url=url, reason=str(error))
            return
        await self.in_step.done(url, wanted)


def fingerprint(manifest: Mapping[str, Any]) -> str:
    """Return what is the same as long as the webhooks are."""
    return hashlib.sha256(json.dumps(manifest["webhooks"], sort_keys=True).encode()).hexdigest()
