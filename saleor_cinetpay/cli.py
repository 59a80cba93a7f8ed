"""The commands. Each exits 0 or non-zero truthfully, and prints errors without a traceback.

What only one command needs is imported in that command: a process that serves holds nothing of the others, which
come to a third of its memory. The rest of the app imports at the top of its modules; `tests/test_architecture.py`
lists the few exceptions.
"""

import asyncio
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

import click

from saleor_cinetpay import __version__
from saleor_cinetpay.errors import AppError
from saleor_cinetpay.garbage import start_without_looking
from saleor_cinetpay.logs import LogLevel, configure_logs
from saleor_cinetpay.sandbox.defaults import DEFAULT_API_KEY, DEFAULT_SITE_ID, NotifyMode

if TYPE_CHECKING:
    from saleor_cinetpay.settings import Settings

DATE = click.DateTime(formats=["%Y-%m-%d"])
LEVEL = click.Choice([level.value for level in LogLevel])
NOTIFY = click.Choice([mode.value for mode in NotifyMode])
AS_PEOPLE_READ = {"show_default": True, "max_content_width": 120}


def main() -> None:
    """Run the command line."""
    try:
        app()
    except AppError as error:
        _fail(str(error))
    except (ValueError, OSError) as error:
        _fail(str(error))


@click.group("saleor-cinetpay", context_settings=AS_PEOPLE_READ)
@click.version_option(__version__, message="%(prog)s %(version)s", prog_name="saleor-cinetpay", help="Print it.")
def app() -> None:
    """Mobile-money payments for Saleor shops in West Africa, through CinetPay."""


@app.command()
@click.option("--worker/--no-worker", default=True, help="Settle and report in the background of this process.")
def serve(worker: bool) -> None:
    """Migrate the database, serve the app and settle payments."""
    start_without_looking()  # until app.py has built everything
    from saleor_cinetpay import serve_command

    serve_command.serve(_settings(), settling=worker)


@app.command()
def worker() -> None:
    """Settle payments and deliver reports, without serving.

    Any number of these may run.
    """
    start_without_looking()
    from saleor_cinetpay import worker_command

    worker_command.settle(_settings())


@app.command()
def migrate() -> None:
    """Bring the database to this version's tables.

    Does nothing where they are there.
    """
    from saleor_cinetpay import serve_command

    serve_command.migrate(_settings())
    click.echo("The database is up to date.")


@app.command()
@click.option("--from", "first", type=DATE, help="The first day, GMT.")
@click.option("--to", "last", type=DATE, help="The last day, today by default.")
@click.option("--account", help="Only the account with this key.")
@click.option("--dry-run", is_flag=True, help="Write nothing and settle nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one row for each difference.")
def reconcile(
    first: datetime | None, last: datetime | None, account: str | None, dry_run: bool, as_json: bool, as_csv: bool
) -> None:
    """Compare CinetPay's history with the ledger and with Saleor.

    Settles what was missed. Without dates it takes the last two days.
    """
    from saleor_cinetpay import reconcile_command

    if as_json and as_csv:
        _fail("choose --json or --csv")
    show = reconcile_command.show(as_json=as_json, as_csv=as_csv)
    days = (first and first.date(), last and last.date())
    not_asked = reconcile_command.reconcile(_settings(), *days, account=account, dry_run=dry_run, show=show)
    if not_asked:
        _fail("\n".join(not_asked))


@app.command()
@click.option("--saleor", help="Only check that the Saleor at this API URL understands what the app sends.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(saleor: str | None, as_json: bool) -> None:
    """Check everything that can be wrong, and say what to do.

    Changes nothing, and ends with 1 where something fails.
    """
    from saleor_cinetpay import doctor_command
    from saleor_cinetpay.environment import SettingsUnreadable

    show = doctor_command.show_json if as_json else doctor_command.show_text
    try:
        settings = _settings()
    except SettingsUnreadable as error:
        doctor_command.unreadable_settings(error.complaints, show)
        sys.exit(1)
    if not doctor_command.diagnose(settings, saleor_api_url=saleor, show=show):
        sys.exit(1)


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Seal everything stored with the first key of SECRET_KEY.

    The app may run meanwhile; a repeat goes on where one ended.
    """
    from saleor_cinetpay import upkeep_command

    if failures := upkeep_command.rotate_keys(_settings()):
        _fail("\n".join(failures))


@app.command()
@click.option("--older-than", required=True, help="What is younger stays: 400d, 60w, 18m or 2y; at least 30d.")
@click.option("--dry-run", is_flag=True, help="Only count.")
def purge(older_than: str, dry_run: bool) -> None:
    """Remove personal data of old payments.

    Phone numbers, e-mail addresses, forms and histories of payments that were closed so long ago.
    """
    from saleor_cinetpay import upkeep_command

    if failures := upkeep_command.purge_old(_settings(), upkeep_command.age(older_than), dry_run=dry_run):
        _fail("\n".join(failures))


@app.command()
@click.option("--base-url", help="The app's public address; APP_API_BASE_URL by default.")
@click.option("--saleor-version", default="3.23", help="The Saleor that asks, such as 3.23.")
def manifest(base_url: str | None, saleor_version: str) -> None:
    """Print the manifest as Saleor gets it."""
    from saleor_cinetpay.saleor.manifest import build_manifest, declared_webhooks

    settings = _settings()
    base = base_url or settings.app_api_base_url or f"http://localhost:{settings.port}"
    document = build_manifest(
        base_url=base, app_id=settings.manifest_app_id, schema_version=saleor_version, webhooks=declared_webhooks()
    )
    click.echo(json.dumps(document, indent=2))


@app.command()
@click.option("--app-port", default=8000, help="Where the app listens.")
@click.option("--cinetpay-port", default=8001, help="Where the simulated CinetPay listens.")
@click.option("--shop-port", default=8010, help="Where the small Saleor and its shop listen.")
@click.option("--log-level", type=LEVEL, default="warning", help="How much is logged.")
def demo(app_port: int, cinetpay_port: int, shop_port: int, log_level: str) -> None:
    """Run the app, a simulated CinetPay and a shop.

    All on this machine, to buy something in the browser.
    """
    from saleor_cinetpay.demo import DemoPorts, run_demo

    configure_logs(LogLevel(log_level), "console")
    asyncio.run(run_demo(DemoPorts(app=app_port, cinetpay=cinetpay_port, shop=shop_port), click.echo))


@app.command()
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option("--port", default=8001, help="The port to listen on.")
@click.option("--public-url", help="Where browsers and shops reach it.")
@click.option("--site-id", default=DEFAULT_SITE_ID, help="The site id that it knows.")
@click.option("--api-key", default=DEFAULT_API_KEY, help="That site's API key.")
@click.option("--state", default=":memory:", help="A SQLite file that keeps payments over a restart.")
@click.option("--notify", type=NOTIFY, default="once", help="How the shop hears of a change.")
def sandbox(host: str, port: int, public_url: str | None, site_id: str, api_key: str, state: str, notify: str) -> None:
    """Run the simulated CinetPay on its own, for any shop's tests."""
    from saleor_cinetpay.sandbox.cinetpay import Merchant, SandboxConfig
    from saleor_cinetpay.sandbox.cinetpay.command import serve as serve_sandbox

    url = public_url or f"http://{host}:{port}"
    click.echo(f"Simulated CinetPay: API {url}/v1/, payment page {url}/, site {site_id}, key {api_key}")
    merchant = Merchant(site_id=site_id, api_key=api_key)
    config = SandboxConfig(merchants=(merchant,), public_url=url, state=state, notify=NotifyMode(notify))
    serve_sandbox(config, host, port)


def _settings() -> "Settings":
    from saleor_cinetpay.environment import read_settings

    return read_settings()


def _fail(message: str) -> NoReturn:
    print(f"saleor-cinetpay: {message}", file=sys.stderr)  # noqa: T201  the command line's own voice
    sys.exit(1)
