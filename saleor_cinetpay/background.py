"""What works in the background, built and wired: the worker and all that it carries out."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from saleor_cinetpay import __version__
from saleor_cinetpay.adapters import Saleors
from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.announcing import Announcing
from saleor_cinetpay.payments.completion import Completion
from saleor_cinetpay.payments.delivery import Delivery
from saleor_cinetpay.payments.heartbeats import Heartbeats
from saleor_cinetpay.payments.leases import Leases
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.nightly import Nightly, NightlyPurge
from saleor_cinetpay.payments.orders import Orders
from saleor_cinetpay.payments.purge import Purge
from saleor_cinetpay.payments.reconciliation import Reconciliation
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.worker import Worker
from saleor_cinetpay.saleor.manifest import build_manifest, declared_webhooks
from saleor_cinetpay.saleor_upkeep import SaleorUpkeep
from saleor_cinetpay.settings import Settings
from saleor_cinetpay.shops.accounts import Accounts
from saleor_cinetpay.shops.in_step import InStep
from saleor_cinetpay.shops.installations import Installation, Installations
from saleor_cinetpay.shops.secrets import SecretBox


def build_worker(
    settings: Settings,
    ledger: Ledger,
    settlement: Settlement,
    reconciliation: Reconciliation,
    known: tuple[Saleors, Installations, Accounts],
    secrets: SecretBox,
    database: Database,
    clock: Clock,
    chance: Chance,
    upkeep: SaleorUpkeep,
) -> Worker:
    """Build the worker of one process."""
    saleors, installations, accounts = known
    purge = None
    if settings.purge_after_days is not None:
        older_than = timedelta(days=settings.purge_after_days)
        purge = NightlyPurge(purge=Purge(database, secrets, clock), older_than=older_than)
    return Worker(
        ledger=ledger,
        settlement=settlement,
        delivery=Delivery(ledger=ledger, reporter=saleors, installations=installations, clock=clock, chance=chance),
        completion=Completion(
            database=database,
            checkouts=saleors,
            installations=installations,
            clock=clock,
            chance=chance,
            orders=Orders(database=database, transactions=saleors, installations=installations, clock=clock),
        ),
        announcing=Announcing(
            database=database,
            boards=saleors,
            installations=installations,
            accounts=accounts,
            clock=clock,
            chance=chance,
        ),
        leases=Leases(database, clock),
        heartbeats=Heartbeats(database, clock, chance),
        nightly=Nightly(database=database, reconciliation=reconciliation, clock=clock, chance=chance, purge=purge),
        upkeep=upkeep,
        clock=clock,
    )


def build_upkeep(
    settings: Settings, saleors: Saleors, installations: Installations, database: Database, clock: Clock
) -> SaleorUpkeep:
    """Build what keeps shops in step with the app."""
    return SaleorUpkeep(
        saleor=saleors.client,
        installations=installations,
        in_step=InStep(database, clock, app_version=__version__),
        manifest_for=manifest_maker(settings),
        clock=clock,
    )


def manifest_maker(settings: Settings) -> Callable[[Installation], Mapping[str, Any]]:
    """Return what makes the manifest that an installation's Saleor would get today."""

    def manifest_for(installation: Installation) -> Mapping[str, Any]:
        return build_manifest(
            base_url=settings.app_api_base_url or installation.app_base_url,
            app_id=settings.manifest_app_id,
            schema_version=installation.saleor_version,
            webhooks=declared_webhooks(),
        )

    return manifest_for
