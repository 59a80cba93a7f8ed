"""Giving leases back: what a process leaves undone when it stops is due again at once, and not when the lease ends."""

from typing import Any

from sqlalchemy import Table, update

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.announcing import DueProblem
from saleor_cinetpay.payments.completion import DueCompletion
from saleor_cinetpay.payments.payment import Payment
from saleor_cinetpay.payments.report import DueReport
from saleor_cinetpay.payments.tables import chores, completions, payments, problems, reports


class Leases:
    """Gives leases back; one that has been lost meanwhile stays with whoever holds it now."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of_payment(self, claimed: Payment) -> None:
        """Give a payment back."""
        await self._give_back(payments, payments.c.trans_id == claimed.trans_id, claimed.lease)

    async def of_report(self, due: DueReport) -> None:
        """Give a report back; that Saleor may have had it already does no harm."""
        await self._give_back(reports, reports.c.id == due.id, due.lease)

    async def of_completion(self, due: DueCompletion) -> None:
        """Give a checkout back."""
        await self._give_back(completions, completions.c.trans_id == due.trans_id, due.lease)

    async def of_problem(self, due: DueProblem) -> None:
        """Give a problem back that was to be told."""
        await self._give_back(problems, problems.c.key == due.problem.key, due.lease)

    async def of_chore(self, lease: str) -> None:
        """Give the night's work back."""
        await self._give_back(chores, chores.c.lease == lease, lease)

    async def _give_back(self, table: Table, which: Any, lease: str | None) -> None:
        async with self._database.write() as connection:
            await connection.execute(
                update(table).where(which, table.c.lease == lease).values(due_at=self._clock.now(), lease=None)
            )
