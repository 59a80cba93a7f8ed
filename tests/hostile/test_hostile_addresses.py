"""Generated calls to every address: no 5xx, no trace, no secret, no hang; and each can be made again."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hostile_inputs import Call, call, encoded, numbered, numbers_of, spoiled, text
from hostile_kit import Hostile, hostile_world
from logs_kit import logged
from starlette.routing import Mount, Route

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

CALLS, PARTS = 70_000, 5
SIGNED_CALLS, SIGNED_PARTS = 9_000, 3
EVENTS = ("PAYMENT_GATEWAY_INITIALIZE_SESSION", "TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION")
FIELDS = (
    "cpm_trans_id",
    "cpm_site_id",
    "cpm_amount",
    "signature",
    "cpm_trans_status",
    "auth_token",
    "version",
    "reason",
    "q",
    "",
)
BROKEN = ("request_broke", "webhook_broke", "Exception in ASGI", "work_interrupted")


async def test_every_address(tmp_path: Path) -> None:
    """No address that the app has is left out of what is generated."""
    async with hostile_world(tmp_path) as hostile:
        served = {route.path for route in hostile.app.routes if isinstance(route, Route | Mount)}
        assert served <= {path.replace("<", "{").replace(">", "}") for path in paths_of(hostile)}
        assert {"/api/register", "/cinetpay/notify/{account_key}", "/dashboard/{path:path}"} & served


@pytest.mark.parametrize("part", range(PARTS))
async def test_generated_calls(tmp_path: Path, part: int) -> None:
    """Whatever comes to whatever address is answered as the contract says, and never with a mistake of ours."""
    async with hostile_world(tmp_path) as hostile:
        known = await Known.of(hostile)
        with logged() as lines:
            await hostile.drive(known.calls(numbers_of(CALLS, part, PARTS)))
        assert [] == [*hostile.judge.complaints, *loud(hostile, lines.getvalue())], hostile.verdict()


@pytest.mark.parametrize("part", range(SIGNED_PARTS))
async def test_generated_calls_that_are_signed(tmp_path: Path, part: int) -> None:
    """A webhook that Saleor has really signed gets a valid answer, or a refusal, whatever stands in it."""
    async with hostile_world(tmp_path) as hostile:
        known = await Known.of(hostile)
        with logged() as lines:
            await hostile.drive(known.signed(numbers_of(SIGNED_CALLS, part, SIGNED_PARTS)))
        assert [] == [*hostile.judge.complaints, *loud(hostile, lines.getvalue())], hostile.verdict()
        assert {200, 400, 401} >= set(hostile.judge.statuses)


def loud(hostile: Hostile, lines: str) -> list[str]:
    """Return the lines of the log that tell of a mistake of ours, or hold a secret."""
    marks = [*BROKEN, *(secret.decode() for secret in hostile.judge.secrets)]
    return [line for line in lines.splitlines() if any(mark in line for mark in marks)]


def paths_of(hostile: Hostile) -> list[str]:
    """Return the addresses with `<...>` for what is to be filled in."""
    paths = [route.path for route in hostile.app.routes if isinstance(route, Route | Mount)]
    return [path.replace("{", "<").replace("}", ">") for path in paths]


class Known:
    """What a caller may know of a shop: a payment, an account's key, genuine bodies and headers of webhooks."""

    def __init__(self, hostile: Hostile, paths: list[str], bodies: dict[str, Any], tokens: list[str]) -> None:
        self._hostile = hostile
        self._paths = paths
        self._bodies = bodies
        self._tokens = tokens
        self._saleor = hostile.world.saleor
        self._of_another_body = self._saleor.keys.current.sign_detached(b"another body")

    @classmethod
    async def of(cls, hostile: Hostile) -> "Known":
        """Open a payment, and learn all that the parties to it see."""
        session = await hostile.world.opened(returnUrl="https://shop.example/return")
        assert session.transaction is not None
        fields = session.data["redirect"]["fields"]
        trans_id = fields["cpm_trans_id"]
        paths = [
            *paths_of(hostile),
            fields["notify_url"].removeprefix(hostile.world.app),
            f"/cinetpay/return/{trans_id}",
            f"/cinetpay/cancel/{trans_id}",
            session.data["paymentUrl"].removeprefix(hostile.world.app).partition("?")[0],
            "/dashboard/payments",
            f"/dashboard/payments/{trans_id}",
            "/static/<x>",
            "/<x>",
            "/",
        ]
        saleor = hostile.world.saleor
        bodies = {event: json.loads(saleor.webhook_body(event, session.transaction)) for event in EVENTS}
        app = saleor.store.apps[hostile.world.settings.manifest_app_id]
        return cls(hostile, paths, bodies, [saleor.dashboard_token(app)])

    def calls(self, numbers: range) -> Iterator[tuple[str, Call]]:
        """Make calls from strangers."""
        documents = [*self._bodies.values(), {"auth_token": "x"}, []]
        for number in numbers:
            random = numbered("calls", number)
            yield (
                f"calls/{number}",
                call(random, paths=self._paths, documents=documents, fields=FIELDS, headers=self._headers),
            )

    def signed(self, numbers: range) -> Iterator[tuple[str, Call]]:
        """Make webhooks that are signed as they stand."""
        for number in numbers:
            random = numbered("signed", number)
            event = random.choice(EVENTS)
            body = encoded(spoiled(self._bodies[event], random), random)
            headers = {
                "saleor-api-url": self._saleor.config.api_url,
                "saleor-signature": self._saleor.keys.current.sign_detached(body),
            }
            yield (
                f"signed/{number}",
                Call(
                    method="POST",
                    path="/api/webhooks/" + event.lower().replace("_", "-"),
                    query=b"",
                    headers=[(name.encode(), said.encode()) for name, said in headers.items()],
                    body=body,
                    chunks=random.randrange(1, 4),
                ),
            )

    def _headers(self, random: Random) -> list[tuple[str, str]]:
        match random.randrange(5):
            case 0:
                return [("saleor-api-url", self._saleor.config.api_url), ("saleor-signature", text(random))]
            case 1:
                return [("saleor-api-url", self._saleor.config.api_url), ("saleor-signature", self._of_another_body)]
            case 2:
                token = random.choice(self._tokens)
                cut = random.randrange(len(token))
                broken = token[:cut] + random.choice("Ax.-") + token[cut + 1 :]
                return [("authorization", f"Bearer {broken}"), ("saleor-api-url", self._saleor.config.api_url)]
            case _:
                return []
