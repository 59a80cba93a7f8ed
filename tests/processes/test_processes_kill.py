"""Real processes under load, killed every second, while CinetPay and Saleor come and go: no franc is lost or added."""

import asyncio
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from postgresql_kit import running_postgresql
from processes_kit import Forkery, Stage, eventually, opened

from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.sandbox.saleor.faults import FaultKind

BUYERS_AT_ONCE = 3
"""For each process that serves: more of them would only be cut off more often."""
KILL_EVERY_S = 1.0
OUTAGE_S = 1.5
CALM_S = 2.5
THROUGH_WITHIN_S = 300.0
AT_REST_WITHIN_S = 90.0
"""The lease of a process that died lasts 30 s, and a report that Saleor would not take waits 30 s at most."""
TRY_AGAIN_S = (0.5, 31.0)
"""A buyer is impatient at first, and then patient enough for the lease of a process that died to end."""
ENDINGS: tuple[list[str], ...] = (*(["00"],) * 7, ["604"], ["604", "00"], [])
"""The codes that end a buyer's attempts, one buyer after the other; the last one never comes to an end."""
NOTIFIED = ("twice", "never", "five")
CINETPAY_FAILS = ("down", "drop", "slow", "truncated", "html")
SALEOR_FAILS = (FaultKind.UNAVAILABLE, FaultKind.DROP, FaultKind.LOST_ANSWER)


@dataclass
class Shop:
    """A shop with its buyers, as storefronts and browsers bring them; at its Saleor and its CinetPay."""

    stage: Stage
    places: asyncio.Semaphore
    came: Counter[str] = field(default_factory=Counter)

    async def sell(self, number: int) -> None:
        """Open a payment; its buyer goes to CinetPay and tries to pay there."""
        form = await self._form(number)
        trans_id = form["fields"]["cpm_trans_id"]
        await self._post(form["url"], data=form["fields"])
        for code in ENDINGS[number % len(ENDINGS)]:
            attempt = {"code": code, "notify": NOTIFIED[number % len(NOTIFIED)]}
            await self._post(f"{self.stage.cinetpay}/_sandbox/payments/{trans_id}/settle", json=attempt)
        self.came["through"] += 1

    async def accepted(self) -> dict[str, list[Decimal]]:
        """Return what CinetPay has taken, once for each payment."""
        reply = await self.stage.http.get(f"{self.stage.cinetpay}/_sandbox/payments")
        held = [payment["transaction"] for payment in reply.json()["payments"]]
        return {t["cpm_trans_id"]: [Decimal(t["cpm_amount"])] for t in held if t["cpm_trans_status"] == "ACCEPTED"}

    def charges(self) -> dict[str, list[Decimal]]:
        """Return the charges that Saleor was told of, by trans id."""
        charges = {
            trans_id_of(TransactionId(t.id)): [e.amount.amount for e in t.events if e.type == "CHARGE_SUCCESS"]
            for t in self.stage.saleor.transactions
        }
        return {trans_id: amounts for trans_id, amounts in charges.items() if amounts}

    def sums(self) -> dict[str, list[Decimal]]:
        """Return what Saleor counts as charged, by trans id."""
        sums = {trans_id_of(TransactionId(t.id)): [t.charged_amount.amount] for t in self.stage.saleor.transactions}
        return {trans_id: amounts for trans_id, amounts in sums.items() if amounts != [0]}

    async def come_and_go(self) -> None:
        """Let CinetPay and Saleor fail in turn, each for a while and in many ways, for ever."""
        for cinetpay_fails, saleor_fails in zip(cycle(CINETPAY_FAILS), cycle(SALEOR_FAILS), strict=False):
            await asyncio.sleep(CALM_S)
            fault = {"mode": cinetpay_fails, "seconds": OUTAGE_S}
            await self._post(f"{self.stage.cinetpay}/_sandbox/faults", json=fault)
            await asyncio.sleep(CALM_S)
            self.stage.saleor.faults.set(saleor_fails, seconds=OUTAGE_S)

    async def calm(self) -> None:
        """End whatever fails."""
        await self._post(f"{self.stage.cinetpay}/_sandbox/faults", json={"mode": None})
        self.stage.saleor.faults.lift()

    async def _form(self, number: int) -> dict[str, Any]:
        """Initialize until there is a form: again with the same key, or with a new one where we are told to."""
        checkout, key = self.stage.saleor.create_checkout(), f"buyer-{number}"
        async with self.places:  # whoever tries again does so beside the others, often to wait for a dead one's lease
            session = await self.stage.saleor.initialize(checkout, idempotency_key=key)
        for wait_s in cycle(TRY_AGAIN_S):
            data = session.data or {}
            if "redirect" in data:
                break
            codes = [error["code"] for error in data.get("errors", [])]
            self.came[codes[0] if codes else "not answered"] += 1
            if "START_AGAIN" in codes:
                key += "-again"
            await asyncio.sleep(wait_s)
            session = await self.stage.saleor.initialize(checkout, idempotency_key=key)
        return dict(data["redirect"])

    async def _post(self, url: str, **body: Any) -> None:
        reply = await self.stage.http.post(url, **body)
        assert reply.status_code in {200, 303}, reply.text


async def kill_in_turn(stage: Stage) -> None:
    """Kill a process that has served for a second, and start it again, for ever."""
    for command in cycle(stage.commands):
        await asyncio.sleep(KILL_EVERY_S)
        command.kill()
        command.start()
        await command.ready(stage.http)


async def withstand(forkery: Forkery, folder: Path, database_url: str, *processes: str, payments: int) -> None:
    """Sell while everything fails, and see that in the end Saleor has charged what CinetPay has taken, once."""
    async with opened(forkery, folder, database_url, *processes) as stage:
        shop = Shop(
            stage, asyncio.Semaphore(BUYERS_AT_ONCE * sum(process.startswith("serve") for process in processes))
        )
        trouble = [asyncio.create_task(kill_in_turn(stage)), asyncio.create_task(shop.come_and_go())]
        began_at = time.monotonic()
        try:
            async with asyncio.timeout(THROUGH_WITHIN_S), asyncio.TaskGroup() as crowd:
                for number in range(payments):
                    crowd.create_task(shop.sell(number))
        finally:
            print(f"buyers after {time.monotonic() - began_at:.0f} s: {dict(shop.came)}")
            for one in trouble:
                one.cancel()
            outcomes = await asyncio.gather(*trouble, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes
        await shop.calm()
        accepted = await shop.accepted()
        await eventually(
            lambda: accepted.keys() <= shop.charges().keys(),
            within_s=AT_REST_WITHIN_S,
            otherwise=lambda: f"{len(accepted)} paid, {len(shop.charges())} charged; {stage.said()}",
        )
        print(f"at rest after {time.monotonic() - began_at:.0f} s")
        assert len(accepted) == payments * 8 // 10
        assert accepted == await shop.accepted()
        assert accepted == shop.charges()
        assert accepted == shop.sums()


@pytest.mark.timeout(450)
async def test_processes_that_are_killed_every_second_lose_nothing(forkery: Forkery, tmp_path: Path) -> None:
    """Three processes on PostgreSQL and one on SQLite: what is accepted is charged once, and nothing else is."""
    for shop in ("one", "three"):
        (tmp_path / shop).mkdir()
    with tempfile.TemporaryDirectory() as folder, running_postgresql(Path(folder)) as server:
        three = ("serve", "serve --no-worker", "worker")
        async with asyncio.TaskGroup() as shops:  # side by side: much of the time is spent waiting for leases
            shops.create_task(
                withstand(forkery, tmp_path / "one", f"sqlite:///{tmp_path}/one.db", "serve", payments=200)
            )
            shops.create_task(withstand(forkery, tmp_path / "three", server.url("postgres"), *three, payments=800))
