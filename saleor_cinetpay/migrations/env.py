"""Alembic's environment: migrations run on the connection that `migrate` hands in, inside its transaction."""

from alembic import context

import saleor_cinetpay.payments.tables
import saleor_cinetpay.shops.tables  # noqa: F401  both fill the metadata
from saleor_cinetpay.database import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
