"""APP_DELETED: staff have deleted the app; its token is dead from now on (Saleor from 3.23 on tells the app itself).

What arrives: which app. What it does not tell: anything about payments, and nothing of theirs is touched: they belong
to the Saleor's address, and the next registration from there takes them up. A repeat is refused: the key that would
prove it is gone. An older Saleor says nothing; reports then meet a dead token and wait just the same.
"""

from typing import Protocol

import structlog

from saleor_cinetpay.errors import PaymentImpossible
from webhooks.answers import Answer
from webhooks.payloads import AppDeleted
from webhooks.pipeline import Genuine

log = structlog.get_logger(__name__)


class Installations(Protocol):
    """Keeps installations."""

    async def forget(self, saleor_api_url: str, app_id: str) -> bool:
        """Erase what lets us act in that Saleor as that app; say whether there was anything."""
        ...


class AppDeletedDoor:
    """Forgets tokens."""

    event = "app-deleted"
    payload = AppDeleted

    def __init__(self, installations: Installations) -> None:
        self._installations = installations

    async def answer(self, call: Genuine[AppDeleted]) -> Answer:
        """Erase the token and the keys of the installation that was deleted."""
        installation = call.installation
        if call.payload.app.id == installation.app_id:
            erased = await self._installations.forget(installation.saleor_api_url, installation.app_id)
            log.info("app_deleted", saleor_api_url=installation.saleor_api_url, erased=erased)
        return {"message": "taken note of"}

    def failure(self, payload: AppDeleted, error: PaymentImpossible) -> Answer:
        """Answer all the same: a token that stays is dead."""
        return {"message": "not taken note of"}
