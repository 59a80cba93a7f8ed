"""Secrets are sealed for one place, by the first key, and opened by every key."""

import base64

import pytest

from saleor_cinetpay.shops.secrets import SecretBox, Unsealable

OLD, NEW = SecretBox(["old"]), SecretBox(["new", "old"])
PLAIN = "clé-très-secrète"


def test_what_is_sealed_can_be_opened_in_its_place_only() -> None:
    """A sealed text that was copied to another place does not open there."""
    sealed = OLD.seal(PLAIN, place="payments/1/form")
    assert PLAIN == OLD.open(sealed, place="payments/1/form")
    with pytest.raises(Unsealable, match="payments/2/form"):
        OLD.open(sealed, place="payments/2/form")


def test_a_sealed_text_shows_nothing() -> None:
    """The same text is sealed differently each time, and never stands in it."""
    one, other = (OLD.seal(PLAIN, place="p") for _ in range(2))
    assert one != other
    assert PLAIN.encode() not in base64.urlsafe_b64decode(one)


def test_keys_are_rotated_without_a_pause() -> None:
    """What the old key sealed opens with new and old together; what the new one sealed does not open with the old."""
    assert PLAIN == NEW.open(OLD.seal(PLAIN, place="p"), place="p")
    with pytest.raises(Unsealable):
        OLD.open(NEW.seal(PLAIN, place="p"), place="p")


def test_only_what_an_older_key_sealed_is_renewed() -> None:
    """Renewed, a text opens with the new key alone; what the new key has sealed stays as it is."""
    renewed = NEW.renew(OLD.seal(PLAIN, place="p"), place="p")
    assert renewed is not None
    assert PLAIN == SecretBox(["new"]).open(renewed, place="p")
    assert NEW.renew(renewed, place="p") is None
    with pytest.raises(Unsealable):
        NEW.renew(renewed, place="q")


@pytest.mark.parametrize("broken", ["", "AAAA", "no base64!", "A", "é"])
def test_what_is_no_sealed_text_does_not_open(broken: str) -> None:
    """A column that something else was written into is told as such, whatever it is."""
    with pytest.raises(Unsealable):
        OLD.open(broken, place="p")


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_changed_text_does_not_open(place: int) -> None:
    """One changed byte anywhere is noticed."""
    raw = bytearray(base64.urlsafe_b64decode(OLD.seal(PLAIN, place="p")))
    raw[place] ^= 1
    with pytest.raises(Unsealable):
        OLD.open(base64.urlsafe_b64encode(raw).decode(), place="p")


def test_a_proof_is_for_its_claim_and_our_keys() -> None:
    """A proof fits a URL, proves its claim under the old key too, and no other claim or key's."""
    proof = OLD.prove("pay/1")
    assert (24, True) == (len(proof), proof.replace("-", "").replace("_", "").isalnum())
    assert [True, True, False, False, False] == [
        OLD.proves(proof, "pay/1"),
        NEW.proves(proof, "pay/1"),
        OLD.proves(proof, "pay/2"),
        OLD.proves("", "pay/1"),
        SecretBox(["new"]).proves(proof, "pay/1"),
    ]


def test_a_box_needs_a_key() -> None:
    """Without any key nothing could be sealed, so there is no such box."""
    with pytest.raises(ValueError, match="at least one key"):
        SecretBox([])
