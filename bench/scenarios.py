"""What is driven: every scenario with so many callers at once, each of whom asks again as soon as it is answered."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles

from bench.contestants import Around, Contestant
from bench.http import Connection, request
from bench.shop import Shop, a_transaction, notification
from bench.stubs import OF_TRANSACTION, PENDING_FRANCS
from saleor_cinetpay.payments.trans_id import TransactionId

PAID_FRANCS = 5000
OPENED_AT_ONCE = 16
ADMIN_PAGE = "/dashboard/payments"

Ask = Callable[[Connection, Connection, int], Awaitable[None]]
"""Does one thing over a connection to who is measured, and one to the stub Saleor; it is told its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a batch of requests cost."""

    each_s: float
    """Requests a second."""
    p50_ms: float
    p99_ms: float
    processor_ms: float
    """For each request."""


class Failed(RuntimeError):
    """An answer that is not the one that was to be measured."""


class Driver:
    """Drives one contestant after the other with the same requests."""

    def __init__(self, shop: Shop, around: Around) -> None:
        self._shop = shop
        self._around = around
        self.account_keys: dict[str, str] = {}

    async def install(self, contestant: Contestant) -> None:
        """Have the shop install the app, and learn its notification address."""
        connection = await Connection.open(contestant.port)
        _expect(await connection.ask(self._shop.registration()), b"true")
        opened = _expect(await connection.ask(self._shop.initialize(a_transaction(), PENDING_FRANCS)), b"redirect")
        fields = json.loads(opened)["data"]["redirect"]["fields"]
        self.account_keys[contestant.name] = fields["notify_url"].rpartition("/")[2]
        connection.close()

    async def gateway(self, contestants: Sequence[Contestant], at_once: int, count: int) -> list[Cost]:
        """Ask whether a cart can be paid."""
        webhooks = [self._shop.gateway_initialize() for _ in range(count)]
        return [await self._webhooks(one, webhooks, at_once, b'"available"') for one in contestants]

    async def initialize(self, contestants: Sequence[Contestant], at_once: int, count: int) -> list[Cost]:
        """Open payments."""
        webhooks = [self._shop.initialize(a_transaction(), PENDING_FRANCS) for _ in range(count)]
        return [await self._webhooks(one, webhooks, at_once, b"ACTION_REQUIRED") for one in contestants]

    async def process(self, contestants: Sequence[Contestant], at_once: int, count: int) -> list[Cost]:
        """Ask about open payments that nobody has paid yet; opening them is not measured."""
        transactions = [a_transaction() for _ in range(count)]
        webhooks = [self._shop.process(one, PENDING_FRANCS) for one in transactions]
        await self._open(contestants, transactions, PENDING_FRANCS)
        return [await self._webhooks(one, webhooks, at_once, b"ACTION_REQUIRED") for one in contestants]

    async def notification(self, contestants: Sequence[Contestant], at_once: int, count: int) -> list[Cost]:
        """Notify of payments that have been paid, and wait until Saleor knows; opening them is not measured."""
        costs = []
        for contestant in contestants:  # each its own, as Saleor remembers what has been reported
            transactions = [a_transaction() for _ in range(count)]
            await self._open([contestant], transactions, PAID_FRANCS)
            costs.append(await self._notified(contestant, transactions, at_once))
        return costs

    async def admin(self, contestants: Sequence[Contestant], at_once: int, count: int) -> list[Cost]:
        """Open the list of payments; the floor has none."""
        page = [self._shop.page(ADMIN_PAGE, visitor) for visitor in range(count)]
        asked = [one for one in contestants if one.name in self.account_keys]
        return [await self._webhooks(one, page, at_once, b"<h1") for one in asked]

    async def _open(
        self, contestants: Sequence[Contestant], transactions: Sequence[TransactionId], francs: int
    ) -> None:
        webhooks = [self._shop.initialize(one, francs) for one in transactions]
        for contestant in contestants:
            await self._webhooks(contestant, webhooks, OPENED_AT_ONCE, b"ACTION_REQUIRED")

    async def _webhooks(self, contestant: Contestant, webhooks: Sequence[bytes], at_once: int, expected: bytes) -> Cost:
        async def ask(app: Connection, _saleor: Connection, number: int) -> None:
            _expect(await app.ask(webhooks[number]), expected)

        return await self._measured(contestant, ask, at_once, len(webhooks))

    async def _notified(self, contestant: Contestant, transactions: Sequence[TransactionId], at_once: int) -> Cost:
        account_key = self.account_keys.get(contestant.name, "any")
        notifications = [notification(account_key, one) for one in transactions]
        waits = [request("GET", OF_TRANSACTION + one) for one in transactions]

        async def ask(app: Connection, saleor: Connection, number: int) -> None:
            _expect(await app.ask(notifications[number]), b"OK")
            await saleor.ask(waits[number])

        return await self._measured(contestant, ask, at_once, len(transactions))

    async def _measured(self, contestant: Contestant, ask: Ask, at_once: int, count: int) -> Cost:
        taken_s: list[float] = []
        numbers = iter(range(count))

        async def caller(app: Connection, saleor: Connection) -> None:
            for number in numbers:
                began_at = time.perf_counter()
                await ask(app, saleor, number)
                taken_s.append(time.perf_counter() - began_at)

        async with self._connected(contestant, at_once) as connections:
            processor_s, began_at = contestant.processor_s, time.perf_counter()
            async with asyncio.TaskGroup() as callers:
                for pair in connections:
                    callers.create_task(caller(*pair))
            whole_s, processor_s = time.perf_counter() - began_at, contestant.processor_s - processor_s
        cuts = quantiles(taken_s, n=100, method="inclusive")
        return Cost(
            each_s=count / whole_s,
            p50_ms=cuts[49] * 1000,
            p99_ms=cuts[98] * 1000,
            processor_ms=processor_s / count * 1000,
        )

    @asynccontextmanager
    async def _connected(self, contestant: Contestant, at_once: int) -> AsyncIterator[list[tuple[Connection, ...]]]:
        ports = (contestant.port, self._around.saleor_port)
        connections = [tuple([await Connection.open(port) for port in ports]) for _ in range(at_once)]
        try:
            yield connections
        finally:
            for connection in _flat(connections):
                connection.close()


def _flat(pairs: Sequence[tuple[Connection, ...]]) -> Iterator[Connection]:
    for pair in pairs:
        yield from pair


def _expect(answer: tuple[int, bytes], expected: bytes) -> bytes:
    status, body = answer
    if status not in {200, 201} or expected not in body:
        raise Failed(f"{status} {body[:300]!r}")
    return body
