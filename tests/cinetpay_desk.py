"""The simulated CinetPay, as tests work it over its control API."""

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class CinetPayDesk:
    """The simulated CinetPay, worked by a script in place of a buyer."""

    url: str
    http: httpx.AsyncClient

    async def open(self, redirect: dict[str, Any]) -> str:
        """Post the buyer's form, as their browser would; return the trans id."""
        reply = await self.http.request(redirect["method"], redirect["url"], data=redirect["fields"])
        assert 303 == reply.status_code, reply.text
        return str(redirect["fields"]["cpm_trans_id"])

    async def settle(self, trans_id: str, code: str = "00", **choices: object) -> None:
        """End the buyer's attempt with a code."""
        await self._control(f"payments/{trans_id}/settle", {"code": code, **choices})

    async def show(self, trans_id: str, **fields: object) -> None:
        """Have checkPayStatus show other values than the truth."""
        await self._control(f"payments/{trans_id}/show", fields)

    async def fail(self, mode: str | None, **options: object) -> None:
        """Switch a fault on, or off."""
        await self._control("faults", {"mode": mode, **options})

    async def messages(self, title: str | None = None, *, to: str = "cinetpay") -> list[dict[str, Any]]:
        """Return the messages that reached CinetPay (or that party), of one title or all."""
        reply = await self.http.get(f"{self.url}/_sandbox/messages")
        return [m for m in reply.json()["messages"] if m["to"] == to and title in (None, m["title"])]

    async def calls(self, method: str) -> int:
        """Count the calls of one method of the API."""
        return len([m for m in await self.messages() if method in m["title"] and m["from"] == "app"])

    async def reset(self) -> None:
        """Forget every payment, message and fault."""
        await self._control("reset", {})

    async def _control(self, path: str, body: dict[str, object]) -> None:
        reply = await self.http.post(f"{self.url}/_sandbox/{path}", json=body)
        assert 200 == reply.status_code, reply.text
