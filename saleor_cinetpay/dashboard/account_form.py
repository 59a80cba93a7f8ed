"""The form of an account: what was typed, read into typed values, or what is wrong with each field."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields

from pydantic import SecretStr

from saleor_cinetpay.cinetpay.form import XOF_PREFIXES
from saleor_cinetpay.dashboard.forms import Errors, Form
from saleor_cinetpay.locale import Language, Text, text
from saleor_cinetpay.shops.account_book import Choices
from saleor_cinetpay.shops.accounts import Account, Environment

LONGEST_LABEL = 128
SMALLEST_AMOUNT = 5
"""Guide 2.2."""
MOST_DIGITS = 12
CURRENCIES = ("CFA", "XOF")
COUNTRIES: Mapping[str, Text] = dict(
    zip(
        XOF_PREFIXES,
        (
            text("Ivory Coast"),
            text("Senegal"),
            text("Mali"),
            text("Burkina Faso"),
            text("Niger"),
            text("Togo"),
            text("Benin"),
            text("Guinea-Bissau"),
        ),
        strict=True,
    )
)
"""The countries of the West African franc, by their telephone prefixes."""

_FRANCS = re.compile(r"(f\.?cfa|cfa|xof|f)\.?$", re.IGNORECASE)
_CHOOSE = text("Please choose one of the list.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A form that can be saved."""

    site_id: str
    environment: Environment
    api_key: SecretStr | None
    """None: keep the one that is stored."""
    choices: Choices


def read_account(form: Form, kept: Account | None, offered: Collection[Environment]) -> Entered | Errors:
    """Read the form of a new account, or of one that is kept: that one's site id and environment stay."""
    errors: dict[str, Text] = {}
    site_id = kept.site_id if kept else _site_id(form, errors)
    environment = kept.environment if kept else _environment(form, offered, errors)
    api_key = _api_key(form, kept, errors)
    minimum = _francs(form.text("minimum"), SMALLEST_AMOUNT)
    if minimum is None:
        errors["minimum"] = text("Enter whole francs, {least} or more.", least=SMALLEST_AMOUNT)
    maximum = _francs(form.text("maximum"), minimum or SMALLEST_AMOUNT) if form.text("maximum") else None
    if maximum is None and form.text("maximum"):
        errors["maximum"] = text("Enter whole francs, not fewer than the smallest amount, or leave this empty.")
    step = _francs(form.text("step"), 1)
    if step is None:
        errors["step"] = text("Enter whole francs, 1 or more.")
    elif minimum and maximum and maximum // step * step < minimum:
        errors["step"] = text("No amount between the smallest and the largest is a multiple of this.")
    choices = Choices(
        label=_label(form, errors),
        currency=_one_of("currency", form, CURRENCIES, errors),
        minimum=minimum or SMALLEST_AMOUNT,
        maximum=maximum,
        step=step or 1,
        phone_required=form.checked("phone_required"),
        default_prefix=_prefix(form, kept, errors),
        language=Language(_one_of("language", form, tuple(Language), errors)),
    )
    if errors:
        return errors
    return Entered(site_id=site_id, environment=environment, api_key=api_key, choices=choices)


def typed(form: Form) -> dict[str, object]:
    """Return what was typed, to be shown again; never the API key."""
    names = ("label", "site_id", "environment", "currency", "minimum", "maximum", "step", "default_prefix", "language")
    return {name: form.text(name) for name in names} | {
        "phone_required": form.checked("phone_required"),
        "serves": set(form.all("serves")),
    }


def shown(account: Account) -> dict[str, object]:
    """Return what the form of a kept account begins with; never the API key."""
    return {
        "label": account.label,
        "site_id": account.site_id,
        "environment": account.environment,
        "currency": account.currency,
        "minimum": account.minimum,
        "maximum": "" if account.maximum is None else account.maximum,
        "step": account.step,
        "default_prefix": account.default_prefix or "",
        "language": account.language,
        "phone_required": account.phone_required,
        "serves": set(),
    }


def changes(before: Account, after: Account) -> list[str]:
    """Return the names of what differs between two versions of an account."""
    watched = ("api_key", *(one.name for one in fields(Choices)))
    return [name for name in watched if getattr(before, name) != getattr(after, name)]


def _label(form: Form, errors: dict[str, Text]) -> str:
    label = " ".join(form.text("label").split())
    if not 1 <= len(label) <= LONGEST_LABEL:
        errors["label"] = text("Give the account a name of at most {most} characters.", most=LONGEST_LABEL)
    return label


def _site_id(form: Form, errors: dict[str, Text]) -> str:
    site_id = "".join(form.text("site_id").split())
    if not site_id:
        errors["site_id"] = text("Enter the site id. It stands in CinetPay's back office, on the Integration tab.")
    elif not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", site_id):
        errors["site_id"] = text("A site id is a number such as 445160: copy it again from the Integration tab.")
    return site_id


def _environment(form: Form, offered: Collection[Environment], errors: dict[str, Text]) -> Environment:
    chosen = form.text("environment") or Environment.LIVE
    if chosen not in offered:
        errors["environment"] = _CHOOSE
        return Environment.LIVE
    return Environment(chosen)


def _api_key(form: Form, kept: Account | None, errors: dict[str, Text]) -> SecretStr | None:
    api_key = form.text("api_key")
    if not api_key and kept is None:
        errors["api_key"] = text("Enter the API key. It stands in CinetPay's back office, on the Integration tab.")
    elif api_key and not re.fullmatch(r"[!-~]{1,255}", api_key):
        errors["api_key"] = text("This can't be an API key: copy it again from the Integration tab, without spaces.")
    return SecretStr(api_key) if api_key else None


def _prefix(form: Form, kept: Account | None, errors: dict[str, Text]) -> str | None:
    prefix = form.text("default_prefix")
    if prefix and prefix not in COUNTRIES and (kept is None or prefix != kept.default_prefix):
        errors["default_prefix"] = _CHOOSE
    return prefix or None


def _one_of(name: str, form: Form, known: tuple[str, ...], errors: dict[str, Text]) -> str:
    chosen = form.text(name)
    if chosen not in known:
        errors[name] = _CHOOSE
        return known[0]
    return chosen


def _francs(written: str, least: int) -> int | None:
    """Read whole francs as people write them (`500 000`, `5000 F CFA`); None where they are none, or too few."""
    digits = _FRANCS.sub("", "".join(written.split()))
    if not re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", digits):
        return None
    return int(digits) if int(digits) >= least else None
