"""Words of the database that this version may not know."""

import pytest

from saleor_cinetpay.errors import OfANewerVersion
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.payments.refund import RefundState
from saleor_cinetpay.payments.report import ReportState, ReportType
from saleor_cinetpay.shops.accounts import Environment
from saleor_cinetpay.stored import StoredWord, known


@pytest.mark.parametrize("kind", [PaymentState, ProblemKind, RefundState, ReportState, ReportType])
def test_a_word_of_a_newer_version_is_shown_as_unknown(kind: type[StoredWord]) -> None:
    """What is only shown never fails; each word of today reads as itself."""
    assert "unknown" == kind("a word of tomorrow")
    assert list(kind) == [kind(word.value) for word in kind]


@pytest.mark.parametrize("word", ["a word of tomorrow", "unknown"])
@pytest.mark.parametrize("kind", [PaymentState, Environment])
def test_nothing_is_done_by_a_word_that_is_not_known(kind: type[PaymentState] | type[Environment], word: str) -> None:
    """What something depends on is refused, and the log says which word it was."""
    with pytest.raises(OfANewerVersion, match=f"{kind.__name__} '{word}' was written by a newer version"):
        known(kind, word)


def test_a_known_word_is_read() -> None:
    """What this version knows is read, whatever kind of word it is."""
    assert (PaymentState.PENDING, Environment.TEST) == (known(PaymentState, "pending"), known(Environment, "test"))
