"""A genuine webhook gets its answer within the budget, also where what it waits for can't be called off."""

import asyncio
import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast

import httpx2 as httpx
from fakes import NOON, SeededChance, TurnedClock
from pydantic import SecretStr
from saleor_fake import API_URL, APP_ID, signing_key
from starlette.applications import Starlette

from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.shops.installations import Installation, Installations
from webhooks.answers import Answer
from webhooks.payloads import AppDeleted
from webhooks.pipeline import BUDGET_S, Genuine, Pipeline

SHOP = signing_key("shop-key")
INSTALLATION = Installation(
    saleor_api_url=API_URL,
    app_id=APP_ID,
    token=SecretStr("token"),
    key_set=json.dumps({"keys": [SHOP.jwk()]}),
    saleor_version="3.23.28",
    app_base_url="https://app.example",
)
BODY = json.dumps(
    {
        "__typename": "AppDeleted",
        "issuedAt": NOON.isoformat(),
        "recipient": {"id": APP_ID},
        "app": {"id": APP_ID},
    }
).encode()


class KnownInstallations:
    """Knows one Saleor."""

    def recall(self, saleor_api_url: str) -> Installation | None:
        return INSTALLATION if saleor_api_url == API_URL else None

    async def find(self, saleor_api_url: str) -> Installation | None:
        return self.recall(saleor_api_url)

    async def find_all(self, saleor_api_urls: object) -> dict[str, Installation]:
        raise AssertionError("a genuine call waits with no strangers")


class HangingDoor:
    """A door that neither answers nor lets itself be called off, as a database driver may do."""

    event = "app-deleted"
    payload = AppDeleted

    def __init__(self) -> None:
        self.let_go = asyncio.Event()

    async def answer(self, call: Genuine[AppDeleted]) -> Answer:
        """Wait for longer than anybody has time."""
        while not self.let_go.is_set():
            with suppress(asyncio.CancelledError):
                await self.let_go.wait()
        return {"message": "too late"}

    def failure(self, payload: AppDeleted, error: PaymentImpossible) -> Answer:
        """Say why there is no answer."""
        return {"message": error.code}


class LateClock(TurnedClock):
    """After the first look at it nearly all of the budget has passed."""

    def now(self) -> datetime:
        now, self.moment = super().now(), NOON + timedelta(seconds=BUDGET_S - 0.2)
        return now


async def test_an_answer_is_not_waited_for_beyond_the_budget() -> None:
    """What hangs is called off when the time is over, and not waited for; the door says what it can't know."""
    door, clock = HangingDoor(), LateClock()
    installations = cast(Installations, KnownInstallations())
    pipeline = Pipeline(installations=installations, keys=cast(Any, None), clock=clock, chance=SeededChance())
    app = Starlette(routes=pipeline.routes([door]))
    headers = {"Saleor-Api-Url": API_URL, "Saleor-Signature": SHOP.sign_webhook(BODY)}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://app.example") as http:
        asked = asyncio.create_task(http.post("/api/webhooks/app-deleted", content=BODY, headers=headers))
        done, _ = await asyncio.wait({asked}, timeout=5)
        door.let_go.set()
        reply = await asked
    assert ({asked}, 200, {"message": "TRY_LATER"}) == (done, reply.status_code, reply.json())
