"""What the operator reads, held against what the app takes: settings, commands, make's targets."""

import importlib
import re
from pathlib import Path

from pydantic import SecretStr
from typer.core import TyperGroup
from typer.main import get_command

from saleor_cinetpay.settings import Settings

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `(?P<name>[A-Z0-9_]+)` \| (?P<default>[^|]+) \| (?P<meaning>[^|]+) \|$", re.MULTILINE)


def written(default: object) -> str:
    """Return a setting's default as the table shows it."""
    plain = default.get_secret_value() if isinstance(default, SecretStr) else default
    if plain is None or plain == ():
        return "none"
    return f"`{plain:g}`" if isinstance(plain, float) else f"`{plain}`"


def prose() -> str:
    """Return the README and every page of the docs."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def test_every_setting_has_its_row() -> None:
    """The configuration page has one row for each setting, with its default, and none for a setting that is gone."""
    rows = ROW.findall((ROOT / "docs" / "configuration.md").read_text(encoding="utf-8"))
    documented = {name: default for name, default, _ in rows}
    assert {name.upper(): written(field.default) for name, field in Settings.model_fields.items()} == documented
    assert len(rows) == len(documented), "a setting has two rows"


def test_every_command_is_mentioned() -> None:
    """The README or a page of the docs shows how each command of the command line is called."""
    group = get_command(importlib.import_module("saleor_cinetpay.cli").app)
    assert isinstance(group, TyperGroup)
    assert set() == set(group.commands) - set(re.findall(r"saleor-cinetpay ([a-z-]+)", prose()))


def test_every_make_target_that_is_mentioned_exists() -> None:
    """No page and no script sends anybody to a target that the Makefile does not have."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = prose() + (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    mentioned = {a or b for a, b in re.findall(r"`make ([a-z]+)|^make ([a-z]+)(?: *#.*)?$", said, re.MULTILINE)}
    assert {"demo", "test", "check"} <= mentioned
    assert set() == mentioned - targets
