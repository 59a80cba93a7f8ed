"""Problems in words: every kind, in both languages, without raw words of ours."""

import re
from dataclasses import replace
from typing import Any

import pytest
from payments_kit import SHOP, trans_id

from saleor_cinetpay.locale import Language
from saleor_cinetpay.payments.announcing import LONGEST_KEY, key_at_saleor, knows_problems
from saleor_cinetpay.payments.problem_words import doubt_in_words, words_of
from saleor_cinetpay.payments.problems import Problem, ProblemKind

OTHER = trans_id(2)
DETAILS: dict[ProblemKind, dict[str, Any]] = {
    ProblemKind.SUSPECT: {"suspicion": "amount", "code": "00", "held_amount": 4000},
    ProblemKind.DOUBLE_PAYMENT: {"others": [OTHER], "source_id": "T3JkZXI6MQ==", "amount": "5000 XOF"},
    ProblemKind.NOT_COMPLETED: {"reason": "The checkout has no e-mail.", "checkout_id": "Q2hlY2tvdXQ6MQ=="},
    ProblemKind.CONFIGURATION: {"code": "609", "site_id": "445160"},
    ProblemKind.MONEY_BACK: {"code": "660", "amount": "5000 XOF"},
    ProblemKind.UNKNOWN_PAYMENT: {"reason": "saleor_does_not_know_it", "site_id": "445160"},
    ProblemKind.REPORT_REFUSED: {
        "code": "INVALID",
        "type": "CHARGE_SUCCESS",
        "reference": trans_id(),
        "amount": "5000 XOF",
    },
}
RAW = re.compile(r"[a-z]+_[a-z_]+|[{}]|XOF|None")


def a_problem(kind: ProblemKind, **changes: Any) -> Problem:
    detail = DETAILS.get(kind, {})
    problem = Problem(kind=kind, saleor_api_url=SHOP, subject=trans_id(), trans_id=trans_id(), detail=detail)
    return replace(problem, **changes)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_problem_is_said_in_words(kind: ProblemKind, language: Language) -> None:
    """Title, what happened and what to do are there, with nothing in them that only a programmer reads."""
    for problem in (a_problem(kind), a_problem(kind, detail={})):
        words = words_of(problem)
        said = [text.say(language) for text in (words.title, words.happened, words.to_do)]
        assert [] == [one for one in said if not one or RAW.search(one)]


def test_what_is_known_of_a_problem_is_said() -> None:
    """The payment, its amount and the other payment stand in the sentence."""
    happened = words_of(a_problem(ProblemKind.DOUBLE_PAYMENT)).happened.say(Language.ENGLISH)
    assert (
        f"Payment {trans_id()} of 5\u202f000\u00a0F\u00a0CFA was accepted, "
        f"and its checkout or order was paid already, by {OTHER}." == happened
    )


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        (trans_id(), f"5\u202f000\u00a0F\u00a0CFA of payment {trans_id()}"),
        (f"{trans_id()}-7K", f"refund {trans_id()}-7K (5\u202f000\u00a0F\u00a0CFA)"),
    ],
)
def test_a_refused_report_names_its_refund(reference: str, what: str) -> None:
    """A charge is known by its payment; of several refunds of one payment each is known by its reference."""
    detail = {"code": "INVALID", "amount": "5000 XOF", "reference": reference}
    happened = words_of(a_problem(ProblemKind.REPORT_REFUSED, detail=detail)).happened.say(Language.ENGLISH)
    assert f"The app tells Saleor what became of {what}, and Saleor refuses it (INVALID)." == happened


def test_saleor_s_reason_is_its_own_sentence() -> None:
    """What the log puts before Saleor's words is left out."""
    refused = a_problem(
        ProblemKind.NOT_COMPLETED, detail={"reason": "Saleor refused: INVALID email: An e-mail is missing."}
    )
    assert words_of(refused).happened.say(Language.ENGLISH).endswith("Saleor says: email: An e-mail is missing.")


@pytest.mark.parametrize(
    "suspicion",
    ["amount", "currency", "signature", "site_id", "status", "fraud", "money_back", "unknown_code"],
)
def test_every_suspicion_has_its_own_words(suspicion: str) -> None:
    """None is left to the general sentence."""
    assert doubt_in_words("anything else") != doubt_in_words(suspicion)


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("3.20.0", False),
        ("3.22.35", False),
        ("3.22.36", True),
        ("3.22", False),
        ("3.23.0", True),
        ("4.0", True),
        ("3.23.0-a.1", True),
        ("", True),
        ("dev", True),
    ],
)
def test_versions_that_show_problems(version: str, known: bool) -> None:
    """From 3.22.36 on; one that can't be read is asked."""
    assert known is knows_problems(version)


def test_keys_fit_saleor() -> None:
    """A short key is its own; long ones that differ only in the end stay different."""
    short = a_problem(ProblemKind.SUSPECT)
    long = [replace(short, subject="s" * 140 + end) for end in "ab"]
    assert f"suspect:{trans_id()}" == key_at_saleor(short)
    assert 2 == len({key_at_saleor(problem) for problem in long})
    assert all(len(key_at_saleor(problem)) <= LONGEST_KEY for problem in long)
