"""The outbox: a report is written down in the transaction of what it tells of, so that neither is without the other."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.inserting import insert_unless_there
from saleor_cinetpay.payments.problems import ProblemKind, solve
from saleor_cinetpay.payments.report import Report, ReportState, ReportType
from saleor_cinetpay.payments.tables import reports

_SUPERSEDE = (
    update(reports)
    .where(
        reports.c.trans_id == bindparam("of"),
        reports.c.type == ReportType.CHARGE_FAILURE,
        reports.c.state == ReportState.DUE,
        or_(reports.c.lease.is_(None), reports.c.due_at <= bindparam("at")),
    )
    .values(state=ReportState.SUPERSEDED, due_at=None, lease=None)
)


async def write_report(connection: AsyncConnection, report: Report, now: datetime) -> None:
    """Write a report down; one that stands there already stays as it is.

    An acceptance withdraws a failure that Saleor has not heard of yet. One that is on its way just now stays, and the
    success waits for it (`Ledger.claim_due_reports`), as Saleor may lose the sums of two events that come at the same
    instant; should it not arrive, it is withdrawn then.
    """
    if report.type is ReportType.CHARGE_SUCCESS:
        superseded = await connection.execute(_SUPERSEDE, {"of": report.trans_id, "at": now})
        if superseded.rowcount:
            failure = replace(report, type=ReportType.CHARGE_FAILURE)
            await solve(connection, ProblemKind.REPORT_REFUSED, failure.subject, now)
    row = {
        "trans_id": report.trans_id,
        "transaction_id": report.transaction_id,
        "saleor_api_url": report.saleor_api_url,
        "type": report.type,
        "psp_reference": report.psp_reference,
        "amount": report.amount,
        "currency": report.currency,
        "time": report.time,
        "message": report.message,
        "operator": report.operator,
        "state": ReportState.DUE,
        "attempts": 0,
        "created_at": now,
        "due_at": now + report.waits,
    }
    await connection.execute(insert_unless_there(connection, reports), row)
