"""The commands. Each exits 0 or non-zero truthfully, and prints errors without a traceback.

What only one command needs is imported in that command: a process that serves holds nothing of the others, which
come to a third of its memory. The rest of the app imports at the top of its modules; `tests/test_architecture.py`
lists the few exceptions.
"""

import asyncio
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from saleor_cinetpay import __version__
from saleor_cinetpay.errors import AppError
from saleor_cinetpay.garbage import start_without_looking
from saleor_cinetpay.logs import LogLevel, configure_logs
from saleor_cinetpay.sandbox.defaults import DEFAULT_API_KEY, DEFAULT_SITE_ID, NotifyMode

if TYPE_CHECKING:
    from saleor_cinetpay.settings import Settings

DAY = "%Y-%m-%d"

app = typer.Typer(
    name="saleor-cinetpay",
    help="Mobile-money payments for Saleor shops in West Africa, through CinetPay.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except AppError as error:
        _fail(str(error))
    except (ValueError, OSError) as error:
        _fail(str(error))


@app.command()
def serve(
    worker: Annotated[bool, typer.Option(help="Settle and report in the background of this process.")] = True,
) -> None:
    """Migrate the database, serve the app, and settle payments in the background."""
    start_without_looking()  # until app.py has built everything
    from saleor_cinetpay import serve_command

    serve_command.serve(_settings(), settling=worker)


@app.command()
def worker() -> None:
    """Settle payments and deliver reports, without serving; any number of these may run."""
    start_without_looking()
    from saleor_cinetpay import worker_command

    worker_command.settle(_settings())


@app.command()
def migrate() -> None:
    """Bring the database to this version's tables; does nothing where they are there."""
    from saleor_cinetpay import serve_command

    serve_command.migrate(_settings())
    typer.echo("The database is up to date.")


@app.command("reconcile")
def reconcile_history(
    first: Annotated[datetime | None, typer.Option("--from", formats=[DAY], help="The first day, GMT.")] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=[DAY], help="The last day, today by default.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Only the account with this key.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing and settle nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one row for each difference.")] = False,
) -> None:
    """Compare CinetPay's history with the ledger and with Saleor, and settle what was missed; the last two days."""
    from saleor_cinetpay.reconcile_command import reconcile, show_csv, show_json, show_text

    if as_json and as_csv:
        _fail("choose --json or --csv")
    show = show_json if as_json else show_csv if as_csv else show_text
    days = (first and first.date(), last and last.date())
    not_asked = reconcile(_settings(), *days, account=account, dry_run=dry_run, show=show)
    if not_asked:
        _fail("\n".join(not_asked))


@app.command()
def doctor(
    saleor: Annotated[
        str | None, typer.Option(help="Only check that the Saleor at this API URL understands what the app sends.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check everything that can be wrong, and say what to do; changes nothing, ends with 1 where something fails."""
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
    """Seal everything stored with the first key of SECRET_KEY, while the app runs; a repeat goes on where one ended."""
    from saleor_cinetpay import upkeep_command

    if failures := upkeep_command.rotate_keys(_settings()):
        _fail("\n".join(failures))


@app.command()
def purge(
    older_than: Annotated[str, typer.Option(help="What is younger stays: 400d, 60w, 18m or 2y; at least 30d.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
) -> None:
    """Remove phone numbers, e-mail addresses, forms and histories of payments that were closed so long ago."""
    from saleor_cinetpay import upkeep_command

    if failures := upkeep_command.purge_old(_settings(), upkeep_command.age(older_than), dry_run=dry_run):
        _fail("\n".join(failures))


@app.command()
def manifest(
    base_url: Annotated[str | None, typer.Option(help="The app's public address; APP_API_BASE_URL by default.")] = None,
    saleor_version: Annotated[str, typer.Option(help="The Saleor that asks, such as 3.23.")] = "3.23",
) -> None:
    """Print the manifest as Saleor gets it."""
    from saleor_cinetpay.saleor.manifest import build_manifest, declared_webhooks

    settings = _settings()
    base = base_url or settings.app_api_base_url or f"http://localhost:{settings.port}"
    document = build_manifest(
        base_url=base, app_id=settings.manifest_app_id, schema_version=saleor_version, webhooks=declared_webhooks()
    )
    typer.echo(json.dumps(document, indent=2))


@app.command()
def demo(
    app_port: Annotated[int, typer.Option(help="Where the app listens.")] = 8000,
    cinetpay_port: Annotated[int, typer.Option(help="Where the simulated CinetPay listens.")] = 8001,
    shop_port: Annotated[int, typer.Option(help="Where the small Saleor and its shop listen.")] = 8010,
    log_level: Annotated[LogLevel, typer.Option(help="How much is logged.")] = LogLevel.WARNING,
) -> None:
    """Run the app, a simulated CinetPay and a shop on this machine, to buy something in the browser."""
    from saleor_cinetpay.demo import DemoPorts, run_demo

    configure_logs(log_level, "console")
    asyncio.run(run_demo(DemoPorts(app=app_port, cinetpay=cinetpay_port, shop=shop_port), typer.echo))


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8001,
    public_url: Annotated[str | None, typer.Option(help="Where browsers and shops reach it.")] = None,
    site_id: Annotated[str, typer.Option(help="The site id that it knows.")] = DEFAULT_SITE_ID,
    api_key: Annotated[str, typer.Option(help="That site's API key.")] = DEFAULT_API_KEY,
    state: Annotated[str, typer.Option(help="A SQLite file that keeps payments over a restart.")] = ":memory:",
    notify: Annotated[NotifyMode, typer.Option(help="How the shop hears of a change.")] = NotifyMode.ONCE,
) -> None:
    """Run the simulated CinetPay on its own, for any shop's tests."""
    from saleor_cinetpay.sandbox.cinetpay import Merchant, SandboxConfig
    from saleor_cinetpay.sandbox.cinetpay.command import serve as serve_sandbox

    url = public_url or f"http://{host}:{port}"
    typer.echo(f"Simulated CinetPay: API {url}/v1/, payment page {url}/, site {site_id}, key {api_key}")
    merchant = Merchant(site_id=site_id, api_key=api_key)
    serve_sandbox(SandboxConfig(merchants=(merchant,), public_url=url, state=state, notify=notify), host, port)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"saleor-cinetpay {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


def _settings() -> "Settings":
    from saleor_cinetpay.environment import read_settings

    return read_settings()


def _fail(message: str) -> NoReturn:
    print(f"saleor-cinetpay: {message}", file=sys.stderr)  # noqa: T201  the command line's own voice
    sys.exit(1)
