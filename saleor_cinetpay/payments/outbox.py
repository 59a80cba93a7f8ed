"""The outbox: a report is written down in the transaction of what it tells of, so that neither is without the other."""

from datetime import datetime

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.payments.report import Report, ReportState, ReportType
from saleor_cinetpay.payments.tables import reports


async def write_report(connection: AsyncConnection, report: Report, now: datetime) -> None:
    """Write a report down; one that stands there already stays as it is."""
    if report.type is ReportType.CHARGE_SUCCESS:
        await _supersede_failure(connection, report, now)
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
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
    await connection.execute(insert(reports).values(row).on_conflict_do_nothing())


async def _supersede_failure(connection: AsyncConnection, success: Report, now: datetime) -> None:
    """Withdraw a failure that an acceptance overtakes before Saleor has heard of it.

    One that is on its way just now stays: the success waits for it (`Ledger.claim_due_reports`), as Saleor may lose the
    sums of two events that come at the same instant. Should it not arrive, it is withdrawn then.
    """
    await connection.execute(
        update(reports)
        .where(
            reports.c.trans_id == success.trans_id,
            reports.c.type == ReportType.CHARGE_FAILURE,
            reports.c.state == ReportState.DUE,
            or_(reports.c.lease.is_(None), reports.c.due_at <= now),
        )
        .values(state=ReportState.SUPERSEDED, due_at=None, lease=None)
    )
