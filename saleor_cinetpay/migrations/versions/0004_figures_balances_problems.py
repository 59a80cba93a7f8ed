"""What the desk's first page shows: figures by an index, balances as last read, problems dismissed and told."""

import sqlalchemy as sa
from alembic import op

from saleor_cinetpay.database import Moment

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add what is new; all of it may be missing for an older version that runs beside."""
    op.create_index(
        "ix_payments_figures",
        "payments",
        ["saleor_api_url", "opened_at", "environment", "state", "operator", "amount"],
        unique=False,
    )
    op.create_table(
        "balances",
        sa.Column("account_key", sa.String(length=64), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("read_at", Moment(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=True),
        sa.Column("failed_at", Moment(), nullable=True),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("account_key", name=op.f("pk_balances")),
    )
    op.add_column("problems", sa.Column("changed_at", Moment(), nullable=True))
    op.add_column("problems", sa.Column("dismissed_at", Moment(), nullable=True))
    op.add_column("problems", sa.Column("dismissed_by", sa.String(length=255), nullable=True))
    op.add_column("problems", sa.Column("told_at", Moment(), nullable=True))
    op.add_column("problems", sa.Column("due_at", Moment(), nullable=True))
    op.add_column("problems", sa.Column("lease", sa.String(length=32), nullable=True))
    op.create_index(op.f("ix_problems_due_at"), "problems", ["due_at"], unique=False)
    _make_open_ones_due()


def _make_open_ones_due() -> None:
    """Have Saleor told of the problems that are open already."""
    problems = sa.table("problems", sa.column("raised_at"), sa.column("solved_at"), sa.column("due_at"))
    op.execute(problems.update().where(problems.c.solved_at.is_(None)).values(due_at=problems.c.raised_at))
