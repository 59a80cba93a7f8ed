"""Giving leases back: what a process leaves undone when it stops is due again at once, and not when the lease ends."""

from sqlalchemy import ColumnElement, Table

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.announcing import DueProblem
from saleor_cinetpay.payments.completion import DueCompletion
from saleor_cinetpay.payments.due import give_back
from saleor_cinetpay.payments.report import DueReport
from saleor_cinetpay.payments.tables import chores, completions, problems, reports


class Leases:
    """Gives leases back, but for those of payments: they are the ledger's own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

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

    async def _give_back(self, table: Table, which: ColumnElement[bool], lease: str | None) -> None:
        await give_back(self._database, which, table, lease=lease, now=self._clock.now())
