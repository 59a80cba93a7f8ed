"""The form of an account: typed values, or what is wrong with each field."""

from typing import Any

import pytest
from payments_kit import an_account
from pydantic import SecretStr

from saleor_cinetpay.dashboard.account_form import Entered, changes, read_account, shown, typed
from saleor_cinetpay.dashboard.forms import Form
from saleor_cinetpay.locale import Language
from saleor_cinetpay.shops.account_book import Choices
from saleor_cinetpay.shops.accounts import Account, AccountOrigin, Environment

GIVEN = {
    "label": "Abidjan",
    "site_id": "445160",
    "api_key": "12345678.a-key",
    "environment": "test",
    "currency": "XOF",
    "minimum": "100",
    "maximum": "500000",
    "step": "5",
    "phone_required": "yes",
    "default_prefix": "221",
    "language": "en",
}
ENTERED = Entered(
    site_id="445160",
    environment=Environment.TEST,
    api_key=SecretStr("12345678.a-key"),
    choices=Choices(
        label="Abidjan",
        currency="XOF",
        minimum=100,
        maximum=500_000,
        step=5,
        phone_required=True,
        default_prefix="221",
        language=Language.ENGLISH,
    ),
)
KEPT = an_account(origin=AccountOrigin.SHOP, default_prefix="33", environment=Environment.TEST)


def form(**changed: str | None) -> Form:
    """Return the form as it is filled in, with changes; None leaves a field out."""
    return Form({name: (value,) for name, value in (GIVEN | changed).items() if value is not None})


def read(
    changed: dict[str, str | None] | None = None, *, kept: Account | None = None, offered: Any = tuple(Environment)
) -> object:
    """Return what the form says: typed values, or the names of the wrong fields with what is said of them."""
    found = read_account(form(**changed or {}), kept, offered)
    if isinstance(found, Entered):
        return found
    return {name: error.say(Language.ENGLISH) for name, error in found.items()}


def test_a_good_form_becomes_typed_values() -> None:
    """Every field is read into its own type."""
    assert ENTERED == read()


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("maximum", "500 000", 500_000),
        ("maximum", "500\u202f000 F CFA", 500_000),
        ("maximum", "5000 XOF", 5000),
        ("maximum", "", None),
        ("minimum", " 250 ", 250),
        ("step", "1", 1),
        ("label", "  Abidjan   Plateau ", "Abidjan Plateau"),
        ("default_prefix", "", None),
        ("default_prefix", None, None),
    ],
)
def test_people_write_things_in_their_own_way(field: str, written: str | None, expected: object) -> None:
    """Spaces in numbers, the name of the currency, and empty fields that need nothing, are understood."""
    found = read({field: written})
    assert isinstance(found, Entered)
    assert expected == getattr(found.choices, field)


def test_a_copied_site_id_or_key_may_have_spaces_around_it() -> None:
    """What is copied from a web page often has."""
    found = read({"site_id": " 445 160\u00a0", "api_key": "  12345678.a-key "})
    assert ENTERED == found


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"label": ""}, ["label"]),
        ({"label": "x" * 129}, ["label"]),
        ({"site_id": "44/5160"}, ["site_id"]),
        ({"site_id": "1" * 65}, ["site_id"]),
        ({"api_key": "two words"}, ["api_key"]),
        ({"api_key": "clé"}, ["api_key"]),
        ({"api_key": "x" * 256}, ["api_key"]),
        ({"environment": "staging"}, ["environment"]),
        ({"currency": "EUR"}, ["currency"]),
        ({"language": "de"}, ["language"]),
        ({"default_prefix": "33"}, ["default_prefix"]),
        ({"minimum": "4"}, ["minimum"]),
        ({"minimum": "-100"}, ["minimum"]),
        ({"minimum": "100,5"}, ["minimum"]),
        ({"minimum": "cent"}, ["minimum"]),
        ({"minimum": "1" * 13, "maximum": ""}, ["minimum"]),
        ({"maximum": "99"}, ["maximum"]),
        ({"step": "0"}, ["step"]),
        ({"step": ""}, ["step"]),
        ({"minimum": "101", "maximum": "104"}, ["step"]),
        (dict.fromkeys(GIVEN, None), ["api_key", "currency", "label", "language", "minimum", "site_id", "step"]),
    ],
)
def test_what_can_not_be_is_named(changed: dict[str, str | None], wrong: list[str]) -> None:
    """The fields that are wrong are named, all of them and no others."""
    found = read(changed)
    assert isinstance(found, dict)
    assert wrong == sorted(found)


def test_a_test_account_needs_an_operator_who_offers_tests() -> None:
    """Where there is no address for tests, only real payments can be chosen."""
    assert {"environment": "Please choose one of the list."} == read(offered={Environment.LIVE})


def test_a_kept_account_keeps_its_site_and_its_environment() -> None:
    """Whatever the form says of them; and without a new API key the stored one stays."""
    found = read({"site_id": "999", "environment": "live", "api_key": "", "default_prefix": "33"}, kept=KEPT)
    assert isinstance(found, Entered)
    assert (KEPT.site_id, Environment.TEST, None, "33") == (
        found.site_id,
        found.environment,
        found.api_key,
        found.choices.default_prefix,
    )


def test_the_api_key_is_never_shown_again() -> None:
    """Neither what was typed nor what is stored holds it, in whatever field."""
    assert "api_key" not in typed(form()) | shown(KEPT)
    assert KEPT.api_key.get_secret_value() not in str(shown(KEPT))
    assert GIVEN["api_key"] not in str(typed(form()))


def test_changes_are_named() -> None:
    """What differs between two versions of an account is named for the log, without its values."""
    after = an_account(label="Other", api_key=SecretStr("rotated"), maximum=5000)
    assert ["api_key", "label", "maximum"] == changes(an_account(), after)
