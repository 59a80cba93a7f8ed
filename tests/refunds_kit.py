"""What the tests of refunds share: a paid payment, a request about it, and a person who decides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from payments_kit import SECRETS, SHOP, Heart, trans_id, transaction_id, xof
from reconciliation_kit import SaleorBooks, an_event
from sqlalchemy import select

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.problems import Problems
from saleor_cinetpay.payments.refund import Refund, RefundReference, RefundState, reference_of, refund_of_row
from saleor_cinetpay.payments.refund_decisions import RefundDecisions
from saleor_cinetpay.payments.refunds import RefundAnswer, RefundRequest, Refunds
from saleor_cinetpay.payments.tables import refunds

AWA = "awa@shop.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """One process that takes refund requests and carries decisions out."""

    heart: Heart
    database: Database
    refunds: Refunds
    decisions: RefundDecisions
    books: SaleorBooks
    problems: Problems

    async def paid(self, number: int = 1, **changes: Any) -> None:
        """Have the n-th payment paid, settled and reported."""
        await self.heart.open(number, **changes)
        self.heart.world.cinetpay.pays(trans_id(number))
        await self.heart.settlement.settle(trans_id(number), trigger="test", wait_s=5)
        await self.heart.work_off()

    async def ask(self, key: str = "key", amount: int | str = 5000, *, number: int = 1, **changes: Any) -> RefundAnswer:
        """Ask for a refund of the n-th payment, as Saleor does."""
        request = RefundRequest(
            saleor_api_url=SHOP,
            transaction_id=transaction_id(number),
            request_key=key,
            money=xof(amount),
            reason="too small",
        )
        return await self.refunds.request(replace(request, **changes))

    async def pay_back(self, reference: str, by: str = AWA) -> Refund:
        """Say that it was paid back, whatever Saleor holds."""
        return await self.decisions.pay_back(SHOP, reference, by=by, note="Wave T-1", confirmed=True)

    async def held(self, number: int = 1) -> list[tuple[RefundState, int]]:
        """Return the refunds of the n-th payment: state and amount, sorted."""
        async with self.database.read() as connection:
            rows = await connection.execute(select(refunds).where(refunds.c.trans_id == trans_id(number)))
            return sorted((refund.state, refund.amount) for refund in map(refund_of_row, rows))

    async def open_problems(self) -> list[tuple[str, str]]:
        """Return what a person must act on: kind and subject."""
        return [(problem.kind, problem.subject) for _, problem in await self.problems.open_of(SHOP)]

    def saleor_holds(self, *events: tuple[str, str], number: int = 1) -> None:
        """Let Saleor's books hold these events (type, reference) of the n-th transaction, beside its charge."""
        charge: Sequence[tuple[str, str]] = [("CHARGE_REQUEST", ""), ("CHARGE_SUCCESS", trans_id(number))]
        self.books.hold(SHOP, number, [an_event(kind, reference) for kind, reference in [*charge, *events]])


def a_till(heart: Heart, database: Database) -> Till:
    """Wire a till on a heart and its database."""
    books = SaleorBooks()
    return Till(
        heart=heart,
        database=database,
        refunds=Refunds(database, SECRETS, heart.world.clock),
        decisions=RefundDecisions(
            database=database,
            secrets=SECRETS,
            transactions=books,
            installations=heart.installations,
            clock=heart.world.clock,
        ),
        books=books,
        problems=Problems(database),
    )


def reference(key: str = "key", number: int = 1) -> RefundReference:
    """Return the reference of a request about the n-th payment."""
    return reference_of(trans_id(number), key)
