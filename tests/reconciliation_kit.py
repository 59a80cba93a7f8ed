"""What the tests of reconciliation share: a CinetPay with a history, Saleor's books, and the heart between them."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from fakes import NOON, FakeCinetPay, SeededChance, TurnedClock
from payments_kit import (
    API_KEY,
    POLICY,
    SECRETS,
    SITE_ID,
    Heart,
    World,
    build_heart,
    trans_id,
    transaction_id,
)

from saleor_cinetpay.cinetpay import CinetPayTransaction, History
from saleor_cinetpay.database import Database, metadata
from saleor_cinetpay.errors import CinetPayError, SaleorUnavailable
from saleor_cinetpay.money import Money
from saleor_cinetpay.payments.adoption import Adoption
from saleor_cinetpay.payments.books import Books
from saleor_cinetpay.payments.comparing import Means
from saleor_cinetpay.payments.findings import Comparison, Finding
from saleor_cinetpay.payments.orders import Orders
from saleor_cinetpay.payments.problems import Problems
from saleor_cinetpay.payments.reconciliation import Days, Reconciliation
from saleor_cinetpay.payments.salvage import Salvage
from saleor_cinetpay.payments.trans_id import TransactionId
from saleor_cinetpay.saleor.types import (
    ChargeStatus,
    SaleorOrderId,
    SaleorTransaction,
    SaleorTransactionEvent,
    SaleorTransactionId,
    SaleorTransactionOrder,
    TransactionEventType,
)
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.installations import Installation

TODAY = NOON.date()
ORDER = SaleorTransactionOrder(
    id=SaleorOrderId("T3JkZXI6MQ=="), number="1", charge_status=ChargeStatus.NONE, channel="abidjan"
)


def an_event(
    kind: str, reference: str = "", amount: str = "5000", currency: str = "XOF", **changes: Any
) -> SaleorTransactionEvent:
    """Return one entry of a Saleor transaction."""
    event = SaleorTransactionEvent(
        type=TransactionEventType(kind),
        psp_reference=reference,
        amount=Money(amount=Decimal(amount), currency=currency),
        time=NOON,
        message="",
        idempotency_key=None,
    )
    return replace(event, **changes)


class CinetPayWithHistory(FakeCinetPay):
    """The fake CinetPay, behind the heart's `Histories` too."""

    def __init__(self, clock: TurnedClock, keys: dict[str, str]) -> None:
        super().__init__(clock, keys)
        self.others: list[dict[str, str]] = []
        """Rows of other systems, as they stand on the day of their `cpm_payment_date`."""
        self.told: dict[str, dict[str, str]] = {}
        """What the history says of a payment in place of the truth."""
        self.hidden: set[str] = set()
        """Payments that the history leaves out."""
        self.unreadable = 0
        self.no_history: dict[str, CinetPayError] = {}
        """What asking for a site's history meets."""
        self.asked_for: list[tuple[str, date]] = []

    async def get_trans_history(self, account: Account, day: date) -> History:
        self.asked_for.append((account.site_id, day))
        if account.site_id in self.no_history:
            raise self.no_history[account.site_id]
        await self._admit(account, 8)
        ours = [shown | self.told.get(t, {}) for t, shown in self._shown.items() if t not in self.hidden]
        rows = [
            row
            for row in [*ours, *self.others]
            if row["cpm_site_id"] == account.site_id and f"{day:%Y-%m-%d}" in row.get("cpm_payment_date", "")
        ]
        return History(
            transactions=tuple(CinetPayTransaction.model_validate(row) for row in rows), unreadable=self.unreadable
        )


class SaleorBooks:
    """Saleor's transactions, behind the heart's `Transactions`."""

    def __init__(self) -> None:
        self.transactions: dict[tuple[str, TransactionId], SaleorTransaction] = {}
        """By Saleor API URL and id."""
        self.away: set[str] = set()
        self.reads: Counter[str] = Counter()

    async def read_transaction(
        self, installation: Installation, transaction_id: TransactionId, *, timeout_s: float
    ) -> SaleorTransaction | None:
        self.reads[installation.saleor_api_url] += 1
        if installation.saleor_api_url in self.away:
            raise SaleorUnavailable("no answer", maybe_carried_out=False)
        return self.transactions.get((installation.saleor_api_url, transaction_id))

    def hold(self, shop: str, number: int, events: Sequence[SaleorTransactionEvent]) -> None:
        """Let a Saleor hold the n-th transaction with these events."""
        nothing = Money(amount=Decimal(0), currency="XOF")
        self.transactions[shop, transaction_id(number)] = SaleorTransaction(
            id=SaleorTransactionId(transaction_id(number)),
            token="",
            psp_reference="",
            charged=nothing,
            charge_pending=nothing,
            events=tuple(events),
            checkout=None,
            order=ORDER,
        )

    def opened(self, shop: str, number: int = 1, *more: SaleorTransactionEvent) -> None:
        """Let a Saleor hold the n-th transaction as it stands after it was opened, and what came later."""
        asked = [an_event("CHARGE_REQUEST"), an_event("CHARGE_ACTION_REQUIRED", trans_id(number))]
        self.hold(shop, number, [*asked, *more])


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One process that reconciles, and the world around it."""

    database: Database
    clock: TurnedClock
    heart: Heart
    cinetpay: CinetPayWithHistory
    saleor: SaleorBooks
    reconciliation: Reconciliation
    problems: Problems

    async def paid(self, number: int = 1) -> None:
        """Open the n-th payment and have its buyer pay, of which nobody hears."""
        await self.heart.open(number)
        self.cinetpay.pays(trans_id(number))

    async def accepted(self, number: int = 1) -> None:
        """Have the n-th payment paid, settled, and reported."""
        await self.paid(number)
        await self.heart.settlement.settle(trans_id(number), trigger="test", wait_s=5)
        await self.heart.work_off()

    async def reconcile(
        self, first: date = TODAY, last: date = TODAY, *, account_key: str | None = None, dry_run: bool = False
    ) -> list[Comparison]:
        """Reconcile these days."""
        plan = await self.reconciliation.plan(Days(first=first, last=last), account_key=account_key, dry_run=dry_run)
        return [comparison async for comparison in self.reconciliation.run(plan)]

    async def findings(self, **choices: Any) -> list[Finding]:
        """Reconcile, and return what differs."""
        return [finding for comparison in await self.reconcile(**choices) for finding in comparison.findings]

    async def told(self, shop: str) -> list[tuple[str, str, Any]]:
        """Return what a shop's people must act on: kind, subject and reason."""
        return [(p.kind, p.subject, p.detail.get("reason")) for _, p in await self.problems.open_of(shop)]


@asynccontextmanager
async def an_office(folder: Path, *shops: str) -> AsyncIterator[Office]:
    """Wire an office on a fresh SQLite file, and let shops install the app."""
    database = Database(f"sqlite:///{folder}/ledger.db")
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    office = an_office_on(database, World())
    await office.heart.install(*shops)
    yield office
    await database.close()


def an_office_on(database: Database, world: World) -> Office:
    """Wire a heart with its reconciliation on a database; the world's CinetPay gets a history."""
    cinetpay = CinetPayWithHistory(world.clock, {SITE_ID: API_KEY})
    world.cinetpay = cinetpay
    heart = build_heart(database, world)
    saleor, problems, chance = SaleorBooks(), Problems(database), SeededChance(7)
    adoption = Adoption(ledger=heart.ledger, settlement=heart.settlement, clock=world.clock, chance=chance)
    reconciliation = Reconciliation(
        histories=cinetpay,
        transactions=saleor,
        accounts=heart.accounts,
        installations=heart.installations,
        means=Means(
            books=Books(database, SECRETS, world.clock),
            settlement=heart.settlement,
            salvage=Salvage(adoption=adoption, problems=problems, clock=world.clock, policy=POLICY),
            problems=problems,
            orders=Orders(database=database, transactions=saleor, installations=heart.installations, clock=world.clock),
            clock=world.clock,
        ),
    )
    return Office(
        database=database,
        clock=world.clock,
        heart=heart,
        cinetpay=cinetpay,
        saleor=saleor,
        reconciliation=reconciliation,
        problems=problems,
    )
