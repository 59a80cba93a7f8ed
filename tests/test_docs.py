"""What people read, held against what the app does: settings, commands, addresses, codes, logs, tables, links."""

import ast
import importlib
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import yaml
from pydantic import SecretStr
from starlette.routing import Mount, Route

from saleor_cinetpay.app import House, build_app, build_house
from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.outcome import Status
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.settings import AppEnv, Settings

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `(?P<name>[A-Z0-9_]+)` \| (?P<default>[^|]+) \| (?P<meaning>[^|]+) \|$", re.MULTILINE)


def written(default: object) -> str:
    """Return a setting's default as the table shows it."""
    plain = default.get_secret_value() if isinstance(default, SecretStr) else default
    if plain is None or plain == ():
        return "none"
    return f"`{plain:g}`" if isinstance(plain, float) else f"`{plain}`"


def page(name: str) -> str:
    """Return one page of the docs."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def prose() -> str:
    """Return the README and every page of the docs."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def section(text: str, title: str) -> str:
    """Return what stands below one heading, up to the next of its level."""
    marks, _, _ = title.partition(" ")
    found = re.search(rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{len(marks)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no {title!r}"
    return found[1]


def first_cells(table: str) -> list[str]:
    """Return the code words that begin the rows of a table."""
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def logged_events() -> Iterator[str]:
    """Find the event of each call of a logger in the app; the sandbox has none."""
    for file in (*(ROOT / "saleor_cinetpay").rglob("*.py"), *(ROOT / "webhooks").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log" | "_log"), attr="debug" | "info" | "warning" | "error"),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    yield event


def test_every_setting_has_its_row() -> None:
    """The configuration page has one row for each setting, with its default, and none for a setting that is gone."""
    rows = ROW.findall((ROOT / "docs" / "configuration.md").read_text(encoding="utf-8"))
    documented = {name: default for name, default, _ in rows}
    assert {name.upper(): written(field.default) for name, field in Settings.model_fields.items()} == documented
    assert len(rows) == len(documented), "a setting has two rows"


def test_every_command_is_mentioned() -> None:
    """The README or a page of the docs shows how each command of the command line is called."""
    commands = importlib.import_module("saleor_cinetpay.cli").app.commands
    assert set() == set(commands) - set(re.findall(r"saleor-cinetpay ([a-z-]+)", prose()))


def test_every_make_target_that_is_mentioned_exists() -> None:
    """No page and no script sends anybody to a target that the Makefile does not have."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = prose() + (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    mentioned = {a or b for a, b in re.findall(r"`make ([a-z]+)|^make ([a-z]+)(?: *#.*)?$", said, re.MULTILINE)}
    assert {"demo", "test", "check"} <= mentioned
    assert set() == mentioned - targets


async def test_every_address_is_listed(tmp_path: Path) -> None:
    """The README lists every address that the app answers at, and none that it does not."""
    database = SecretStr(f"sqlite:///{tmp_path}/ledger.db")
    settings = Settings(app_env=AppEnv.DEVELOPMENT, secret_key=SecretStr("a key"), database_url=database)
    house = build_house(settings)
    served = {re.sub(r"{(\w+)}", lambda name: f"<{name[1].replace('_', ' ')}>", path) for path in addresses(house)}
    await house.close()
    table = section((ROOT / "README.md").read_text(encoding="utf-8"), "## Addresses")
    listed = re.findall(r"`(?:GET |HEAD |POST )+(/[^`?]*)(?:\?[^`]*)?`", table)
    assert served == {address.removesuffix("/...") for address in listed}


def addresses(house: House) -> set[str]:
    """Return the path of each route."""
    return {route.path for route in build_app(house.settings, house=house).routes if isinstance(route, Route | Mount)}


def test_every_code_of_the_storefront_is_explained() -> None:
    """The storefront page has one row for each stable code and none for any other, and knows every status."""
    text = page("storefront.md")
    assert sorted(PaymentImpossible.codes) == sorted(first_cells(section(text, "## Errors")))
    said = re.findall(r"^\| `[a-z ]+` \| `([a-z]+)` \|", section(text, "## What to show"), re.MULTILINE)
    assert set(Status) == set(said)


def test_every_state_and_every_logged_event_is_explained() -> None:
    """The operations page has one row for each state of a payment and for each event in the logs, and no other."""
    text = page("operations.md")
    assert sorted(PaymentState) == sorted(first_cells(section(text, "## States of a payment")))
    assert sorted(set(logged_events())) == sorted(first_cells(section(text, "## Logs")))


def test_the_tables_of_the_protocol_are_the_codes() -> None:
    """docs/protocol.md is what scripts/protocol_table.py writes today; run it where this fails."""
    script = runpy.run_path(str(ROOT / "scripts" / "protocol_table.py"))
    text = page("protocol.md")
    assert set(script["TABLES"]) == set(re.findall(r"<!-- table: (\w+) -->", text))
    assert script["rewritten"](text) == text


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    """No page links to a file or a heading that is not there."""
    lost = []
    for link in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", path.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.is_file() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            lost.append(link)
    assert [] == lost


async def test_every_metric_is_explained(tmp_path: Path) -> None:
    """The operations page has one row for each metric of /metrics, and alert rules and dashboard name no other."""
    database = SecretStr(f"sqlite:///{tmp_path}/ledger.db")
    settings = Settings(app_env=AppEnv.DEVELOPMENT, secret_key=SecretStr("a key"), database_url=database)
    house = build_house(settings)
    await migrate(house.database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(settings, house=house))) as http:
        shown = (await http.get("http://app/metrics")).text
    await house.close()
    served = set(re.findall(r"^# TYPE saleor_cinetpay_(\S+) ", shown, re.MULTILINE))
    explained = first_cells(section(page("operations.md"), "## Metrics"))
    assert sorted(name for name in served if not name.startswith("process_")) == sorted(explained)
    examples = [ROOT / "deploy" / "prometheus" / "alerts.yml", ROOT / "deploy" / "grafana" / "saleor-cinetpay.json"]
    named = set(re.findall(r"saleor_cinetpay_(\w+)", "\n".join(example.read_text("utf-8") for example in examples)))
    assert set() == {re.sub(r"_(count|sum|bucket)$", "", name) for name in named} - served
    rules = [rule for group in yaml.safe_load(examples[0].read_text("utf-8"))["groups"] for rule in group["rules"]]
    assert all(rule["expr"] and rule["annotations"]["what_to_do"] for rule in rules)
    assert json.loads(examples[1].read_text("utf-8"))["panels"]
