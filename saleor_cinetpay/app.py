"""The one place where everything is built and wired: settings in, ASGI app out."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from ssl import SSLContext

import httpx2 as httpx
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from saleor_cinetpay.adapters import CinetPays, Registrations, Saleors
from saleor_cinetpay.background import build_upkeep, build_worker
from saleor_cinetpay.chance import Chance, SystemChance
from saleor_cinetpay.cinetpay import CinetPayClient
from saleor_cinetpay.clock import Clock, SystemClock
from saleor_cinetpay.customer.pages import CustomerPages
from saleor_cinetpay.database import Database
from saleor_cinetpay.desk_pages import build_desk
from saleor_cinetpay.doctor.means import INSTANCE, INSTANCE_HEADER
from saleor_cinetpay.edge.border import Border
from saleor_cinetpay.edge.gate import Gate
from saleor_cinetpay.edge.proxies import Proxies, Trusted
from saleor_cinetpay.garbage import look_from_now_on
from saleor_cinetpay.insight.backlog import Reading
from saleor_cinetpay.insight.health import Health
from saleor_cinetpay.insight.metrics_page import MetricsPage
from saleor_cinetpay.insight.telemetry import set_up_telemetry
from saleor_cinetpay.lifespan import Lifespan
from saleor_cinetpay.logs import configure_logs
from saleor_cinetpay.network import pooled_http
from saleor_cinetpay.payments.adoption import Adoption
from saleor_cinetpay.payments.balances import Balances
from saleor_cinetpay.payments.books import Books
from saleor_cinetpay.payments.cancelation import Cancelation
from saleor_cinetpay.payments.comparing import Means
from saleor_cinetpay.payments.conclusion import Policy
from saleor_cinetpay.payments.credentials import Credentials
from saleor_cinetpay.payments.decisions import Decisions
from saleor_cinetpay.payments.handover import HandOver
from saleor_cinetpay.payments.heartbeats import Heartbeats
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.nudges import Nudges
from saleor_cinetpay.payments.opening import Opening
from saleor_cinetpay.payments.orders import Orders
from saleor_cinetpay.payments.problems import Problems
from saleor_cinetpay.payments.processing import Processing
from saleor_cinetpay.payments.reconciliation import Reconciliation
from saleor_cinetpay.payments.refund_decisions import RefundDecisions
from saleor_cinetpay.payments.refunds import Refunds
from saleor_cinetpay.payments.salvage import Salvage
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.worker import Worker
from saleor_cinetpay.saleor import installing
from saleor_cinetpay.saleor.address import AddressRules
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.key_renewal import KeyRenewal
from saleor_cinetpay.saleor.outbound import public_http
from saleor_cinetpay.saleor_upkeep import SaleorUpkeep
from saleor_cinetpay.schedule import parse_delays_s
from saleor_cinetpay.settings import Settings
from saleor_cinetpay.shops.account_book import AccountBook
from saleor_cinetpay.shops.accounts import Accounts, Environment, EnvironmentAccount
from saleor_cinetpay.shops.channels import ChannelMap
from saleor_cinetpay.shops.installations import Installation, Installations
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.shops.shop_settings import ShopSettings
from webhooks.app_deleted import AppDeletedDoor
from webhooks.cinetpay_notification import NotificationDoor
from webhooks.cinetpay_return import ReturnDoor
from webhooks.payment_gateway_initialize_session import PaymentGatewayInitializeDoor
from webhooks.pipeline import Pipeline
from webhooks.transaction_cancelation_requested import TransactionCancelationDoor
from webhooks.transaction_initialize_session import TransactionInitializeDoor
from webhooks.transaction_process_session import TransactionProcessDoor
from webhooks.transaction_refund_requested import TransactionRefundDoor

STATIC = Path(__file__).parent / "static"
CINETPAY_CONNECTIONS = 100
CINETPAY_IDLE_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything that a process of ours is made of, built once from its settings."""

    settings: Settings
    clock: Clock
    database: Database
    secrets: SecretBox
    installations: Installations
    accounts: Accounts
    account_book: AccountBook
    channel_map: ChannelMap
    credentials: Credentials
    shop_settings: ShopSettings
    ledger: Ledger
    settlement: Settlement
    opening: Opening
    processing: Processing
    worker: Worker
    upkeep: SaleorUpkeep
    decisions: Decisions
    cancelation: Cancelation
    refunds: Refunds
    refund_decisions: RefundDecisions
    problems: Problems
    balances: Balances
    orders: Orders
    reconciliation: Reconciliation
    saleor: SaleorClient
    saleors: Saleors
    cinetpays: CinetPays
    keys: KeyRenewal[Installation]
    chance: Chance
    https: tuple[httpx.AsyncBaseTransport, ...]

    async def close(self) -> None:
        """Close every connection."""
        await self.balances.close()
        for http in self.https:
            await http.aclose()
        await self.database.close()


def build_house(settings: Settings, *, clock: Clock | None = None, chance: Chance | None = None) -> House:
    """Build all parts and wire them; nothing is connected yet."""
    clock, chance = clock or SystemClock(), chance or SystemChance()
    database = Database(settings.database_url.get_secret_value())
    secrets = SecretBox(settings.secret_keys)
    installations = Installations(database, secrets, clock)
    tls = httpx.create_ssl_context(trust_env=False)
    clients = _cinetpay_clients(settings, cinetpay_http := _cinetpay_http(tls))
    accounts = Accounts(database, secrets, clock, chance, _environment_account(settings), offered=clients.keys())
    shop_settings = ShopSettings(database, clock)
    ledger = Ledger(database, secrets, clock, chance)
    saleor_http = public_http(development=not settings.production, tls=tls)
    cinetpays = CinetPays(clients)
    saleor = SaleorClient(saleor_http)
    saleors = Saleors(saleor)
    policy = _policy(settings)
    settlement = Settlement(
        ledger=ledger,
        lookup=cinetpays,
        accounts=accounts,
        choices=shop_settings,
        clock=clock,
        chance=chance,
        policy=policy,
    )
    adoption = Adoption(ledger=ledger, settlement=settlement, clock=clock, chance=chance)
    opening = Opening(ledger=ledger, signer=cinetpays, accounts=accounts, adoption=adoption, clock=clock, policy=policy)
    processing = Processing(
        ledger=ledger, settlement=settlement, adoption=adoption, accounts=accounts, clock=clock, policy=policy
    )
    orders = Orders(database=database, transactions=saleors, installations=installations, clock=clock)
    means = _means(database, secrets, clock, settlement, adoption, orders, policy)
    reconciliation = Reconciliation(
        histories=cinetpays, transactions=saleors, accounts=accounts, installations=installations, means=means
    )
    known = (saleors, installations, accounts)
    upkeep = build_upkeep(settings, saleors, installations, database, clock)
    worker = build_worker(settings, ledger, settlement, reconciliation, known, secrets, database, clock, chance, upkeep)
    return House(
        settings=settings,
        clock=clock,
        chance=chance,
        database=database,
        secrets=secrets,
        installations=installations,
        accounts=accounts,
        account_book=AccountBook(database, secrets, clock, chance, changed=accounts.forget),
        channel_map=ChannelMap(database, clock, changed=accounts.forget),
        credentials=Credentials(cinetpays, ledger.problems, clock),
        shop_settings=shop_settings,
        ledger=ledger,
        settlement=settlement,
        opening=opening,
        processing=processing,
        worker=worker,
        upkeep=upkeep,
        reconciliation=reconciliation,
        decisions=Decisions(ledger=ledger, settlement=settlement, clock=clock),
        cancelation=Cancelation(database=database, ledger=ledger, settlement=settlement, clock=clock),
        refunds=Refunds(database, secrets, clock),
        refund_decisions=_refund_decisions(database, secrets, saleors, installations, clock),
        problems=Problems(database),
        balances=Balances(database=database, reader=cinetpays, clock=clock),
        orders=orders,
        saleor=saleor,
        saleors=saleors,
        cinetpays=cinetpays,
        keys=KeyRenewal(installations, saleors),
        https=(saleor_http, cinetpay_http),
    )


def build_app(settings: Settings, *, house: House | None = None, with_worker: bool = True) -> Starlette:
    """Build the ASGI app; with its worker it also settles and reports in the background."""
    house = house or build_house(settings)
    hand_over = HandOver(checkout_urls=_checkout_urls(settings), secrets=house.secrets)
    pages = CustomerPages(ledger=house.ledger, hand_over=hand_over, clock=house.clock)
    pipeline = Pipeline(
        installations=house.installations,
        keys=house.keys,
        clock=house.clock,
        chance=house.chance,
        base_url=settings.app_api_base_url.rstrip("/") if settings.app_api_base_url else None,
    )
    install = installing.Installing(
        app_id=settings.manifest_app_id,
        base_url=settings.app_api_base_url,
        rules=AddressRules(allowed=settings.allowed_saleor_urls, development=not settings.production),
        saleor=house.saleor,
        installations=Registrations(house.installations, house.ledger, house.worker.wake),
    )
    returns = ReturnDoor(
        ledger=house.ledger,
        settlement=house.settlement,
        origins=house.shop_settings,
        pages=pages,
        clock=house.clock,
        wake=house.worker.wake,
    )
    notifications = NotificationDoor(
        accounts=house.accounts,
        nudges=Nudges(house.database, house.clock),
        clock=house.clock,
        wake=house.worker.wake,
    )
    reading = Reading(house.database, Heartbeats(house.database, house.clock, house.chance), house.clock)
    app = Starlette(
        routes=[
            *installing.routes(install),
            *pipeline.routes([PaymentGatewayInitializeDoor(house.opening)]),
            *pipeline.routes([TransactionInitializeDoor(house.opening, hand_over, house.clock)]),
            *pipeline.routes([TransactionProcessDoor(house.processing, house.clock)]),
            *pipeline.routes([TransactionRefundDoor(house.refunds)]),
            *pipeline.routes([TransactionCancelationDoor(house.cancelation)]),
            *pipeline.routes([AppDeletedDoor(house.installations)]),
            notifications.route(),
            *returns.routes(),
            *pages.routes(),
            *build_desk(house).routes(),
            *Health(
                house.database, reading, house.clock, headers={INSTANCE_HEADER: house.secrets.prove(INSTANCE)}
            ).routes(),
            MetricsPage(reading, house.clock, settings.metrics_token).route(),
            Mount("/static", _Static(directory=STATIC)),
        ],
        middleware=[
            Middleware(Proxies, trusted=Trusted(settings.forwarded_allow_ips)),
            Middleware(Border, chance=house.chance),
            Middleware(Gate, page=pages.turned_away),
        ],
        exception_handlers={404: _not_found, 405: _not_allowed},
        lifespan=Lifespan(
            worker=house.worker if with_worker else None, installations=house.installations, close=house.close
        ),
    )
    app.router.redirect_slashes = False  # it would send callers to whatever host they name
    return app


class _Static(StaticFiles):
    """Serves files; a first part `v-<version>` of their path makes all files of a version new to browsers."""

    def get_path(self, scope: Scope) -> str:
        return re.sub(r"^v-[^/]+/", "", super().get_path(scope))


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "there is nothing at this address"}, status_code=404)


async def _not_allowed(_request: Request, error: Exception) -> Response:
    headers = getattr(error, "headers", None)
    return JSONResponse({"message": "this address takes another method"}, status_code=405, headers=headers)


def _environment_account(settings: Settings) -> EnvironmentAccount | None:
    if settings.cinetpay_site_id is None or settings.cinetpay_api_key is None:
        return None
    return EnvironmentAccount(
        site_id=settings.cinetpay_site_id,
        api_key=settings.cinetpay_api_key,
        currency=settings.cinetpay_currency,
    )


def _means(
    database: Database,
    secrets: SecretBox,
    clock: Clock,
    settlement: Settlement,
    adoption: Adoption,
    orders: Orders,
    policy: Policy,
) -> Means:
    problems = Problems(database)
    return Means(
        books=Books(database, secrets, clock),
        settlement=settlement,
        salvage=Salvage(adoption=adoption, problems=problems, clock=clock, policy=policy),
        problems=problems,
        orders=orders,
        clock=clock,
    )


def _refund_decisions(
    database: Database, secrets: SecretBox, saleors: Saleors, installations: Installations, clock: Clock
) -> RefundDecisions:
    return RefundDecisions(
        database=database, secrets=secrets, transactions=saleors, installations=installations, clock=clock
    )


def _policy(settings: Settings) -> Policy:
    return Policy(
        delays_s=parse_delays_s(settings.check_delays_s),
        refusal_grace=timedelta(seconds=settings.refusal_grace_s),
        watch=timedelta(days=settings.watch_days),
    )


def _cinetpay_http(tls: SSLContext) -> httpx.AsyncBaseTransport:
    return pooled_http(tls, most=CINETPAY_CONNECTIONS, most_idle=CINETPAY_CONNECTIONS, idle_s=CINETPAY_IDLE_S)


def _cinetpay_clients(settings: Settings, http: httpx.AsyncBaseTransport) -> dict[Environment, CinetPayClient]:
    addresses = {Environment.LIVE: settings.cinetpay_api_url, Environment.TEST: settings.cinetpay_test_api_url}
    return {
        environment: CinetPayClient(http, api_url=address, timeout_s=settings.cinetpay_timeout_s)
        for environment, address in addresses.items()
        if address
    }


def _checkout_urls(settings: Settings) -> dict[Environment, str]:
    addresses = {
        Environment.LIVE: settings.cinetpay_checkout_url,
        Environment.TEST: settings.cinetpay_test_checkout_url,
    }
    return {environment: address for environment, address in addresses.items() if address}


def serving_and_settling() -> Starlette:
    """Build the app from the environment, for a server that starts it by name."""
    return _from_environment(with_worker=True)


def serving_only() -> Starlette:
    """Build the app from the environment, leaving settling to `saleor-cinetpay worker`."""
    return _from_environment(with_worker=False)


def _from_environment(*, with_worker: bool) -> Starlette:
    settings = Settings()
    configure_logs(settings.log_level, settings.log_format)
    set_up_telemetry()
    app = build_app(settings, with_worker=with_worker)
    look_from_now_on()
    return app
