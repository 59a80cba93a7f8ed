"""CinetPay's answer codes."""

import re
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_cinetpay.cinetpay import CODES, Code, CodeClass, describe, normalise_code
from saleor_cinetpay.cinetpay.codes import LONGEST_CODE
from saleor_cinetpay.cinetpay.texts import ToMerchant
from saleor_cinetpay.locale import Language

EVERY_CODE = (*CODES.values(), describe("664", "FRAUD_DETECTED"), describe("999"), describe(""))


def test_every_code_has_the_class_that_the_facts_give_it() -> None:
    """The codes of Annex I and the later ones are all there, each in the class of facts.md."""
    codes: dict[CodeClass, set[str]] = {}
    for code in CODES.values():
        codes.setdefault(code.code_class, set()).add(code.code)

    limits = {str(code) for code in range(807, 813)}
    assert {
        CodeClass.ACCEPTED: {"00"},
        CodeClass.PENDING: {"607", "623", "638", "662", "663", "664", "803"},
        CodeClass.REFUSED: {"600", "602", "604", "606", "630", "631", "641", "642", "802"}
        | {str(code) for code in range(632, 638)}
        | limits,
        CodeClass.OPERATOR_UNAVAILABLE: {"603", "621", "622", "626", "628", "629", "639", "640", "804"},
        CodeClass.CANCELLED: {"627"},
        CodeClass.CLOSED: {"605", "620"},
        CodeClass.CONFIGURATION: {"601", "625", "800", "801"} | {str(code) for code in range(608, 620)},
        CodeClass.MONEY_BACK: {"660", "661"},
        CodeClass.UNKNOWN: {"624"},
    } == codes


@pytest.mark.parametrize("code", EVERY_CODE, ids=lambda code: f"{code.code}-{code.name}")
def test_every_code_speaks_both_languages(code: Code) -> None:
    """Each code has a log name and full texts for buyer and merchant, whose French is French and well set."""
    assert code.name
    for text in (code.buyer, code.merchant):
        english, french = text.say(Language.ENGLISH), text.say(Language.FRENCH)
        assert min(len(english), len(french)) > 20
        assert french != english
        assert "{" not in english + french
        assert re.search(r" [;:!?»]|« |'", french) is None, "a plain space or apostrophe where French has its own"


@pytest.mark.parametrize("code", EVERY_CODE, ids=lambda code: f"{code.code}-{code.name}")
def test_a_buyer_reads_no_codes(code: Code) -> None:
    """What a buyer reads fits a phone's screen and holds neither the code nor CinetPay's name for it."""
    for language in Language:
        said = code.buyer.say(language)
        assert len(said) <= 180
        assert code.name not in said
        assert not code.code or code.code not in said


def test_configuration_is_between_cinetpay_and_the_merchant() -> None:
    """Every configuration code says the same neutral thing to the buyer, and names the culprit to the merchant."""
    configuration = [code for code in CODES.values() if code.code_class is CodeClass.CONFIGURATION]

    assert 1 == len({code.buyer for code in configuration})
    assert ToMerchant.CHECK_API_KEY == CODES["609"].merchant
    assert ToMerchant.CHECK_SITE_ID == CODES["613"].merchant
    assert ToMerchant.RENEW == CODES["625"].merchant


@pytest.mark.parametrize(
    ("code", "raw"),
    [
        *product(["609"], ["609", 609, " 609 ", Decimal(609)]),
        *product(["00"], ["00", 0, "0", " 0 ", Decimal(0)]),
        *product([""], [None, "", "  ", True, False, 0.0, [], {}, "x" * 9, 10**9]),
        ("abc", " abc "),
    ],
)
def test_a_code_has_one_spelling(code: str, raw: object) -> None:
    """However a code arrives, it is read as one and the same text, and garbage as none."""
    assert code == normalise_code(raw)


@given(st.text() | st.integers() | st.none() | st.booleans())
def test_a_normalised_code_is_short_and_stays(raw: object) -> None:
    """Normalising gives at most eight characters, and nothing more to normalise."""
    code = normalise_code(raw)

    assert len(code) <= LONGEST_CODE
    assert code == normalise_code(code)


@pytest.mark.parametrize(
    ("code_class", "message"),
    [
        (CodeClass.FRAUD, "FRAUD_DETECTED"),
        (CodeClass.FRAUD, "Suspected fraud"),
        (CodeClass.PENDING, "WAITING_CUSTOMER_PAYMENT_AT_OPERATOR_SIDE"),
        (CodeClass.PENDING, ""),
    ],
)
def test_664_is_told_by_its_message(code_class: CodeClass, message: str) -> None:
    """Code 664 is fraud only where its message says so."""
    assert code_class == describe("664", message).code_class


def test_fraud_is_a_matter_of_664_alone() -> None:
    """A message that speaks of fraud changes no other code."""
    assert CODES["604"] == describe("604", "FRAUD_DETECTED")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NEW_KIND_OF_TROUBLE", "NEW_KIND_OF_TROUBLE"),
        ("UNKNOWN", ""),
        ("UNKNOWN", "apikey 21585943f75164bbc2.38014630 refused"),
        ("UNKNOWN", "A" * 61),
    ],
)
def test_an_unknown_code_keeps_only_a_harmless_name(name: str, message: str) -> None:
    """An unknown code is of class unknown, takes its name from a message that looks like one, and tells its number."""
    code = describe("999", message)

    assert (CodeClass.UNKNOWN, name) == (code.code_class, code.name)
    assert "999" in code.merchant.say(Language.FRENCH)
