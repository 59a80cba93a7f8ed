"""What the app says to people: two languages, one catalogue, nothing missing and nothing stale."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, nodes

from saleor_cinetpay.locale import Language, Text, language_of, text

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "saleor_cinetpay" / "locale" / "fr" / "LC_MESSAGES" / "messages.po"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A sentence that the app says somewhere, and the names of the values that it is given there."""

    line: int
    sentence: str | None
    """None where it is no literal, so that no translator finds it."""
    values: frozenset[str | None]


def said_in_python(source: str) -> Iterator[Said]:
    """Yield every `text("...")` of a source.

    A function named `say` is what templates call: its sentences are literals there.
    """
    tree = ast.parse(source)
    bridges = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "say"]
    bridged = {id(node) for bridge in bridges for node in ast.walk(bridge)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "text":
            names = frozenset(keyword.arg for keyword in node.keywords)
            match node.args:
                case [ast.Constant(value=str(sentence))]:
                    yield Said(line=node.lineno, sentence=sentence, values=names)
                case _ if id(node) not in bridged:
                    yield Said(line=node.lineno, sentence=None, values=names)


def said_in_template(source: str) -> Iterator[Said]:
    """Yield every `say("...")` of a template; what it says from a variable is a `Text` of the code."""
    for call in Environment(autoescape=True).parse(source).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "say" and isinstance(call.args[0], nodes.Const):
            names = frozenset(keyword.key for keyword in call.kwargs)
            yield Said(line=call.lineno, sentence=call.args[0].value, values=names)


def said() -> Iterator[tuple[str, Said]]:
    """Yield everything that the app says, by the place where it stands. The sandbox's pages are not the app's."""
    for house in ("saleor_cinetpay", "webhooks"):
        for path in sorted((ROOT / house).rglob("*")):
            find = {".py": said_in_python, ".html": said_in_template}.get(path.suffix)
            if find is not None and "sandbox" not in path.parts:
                for one in find(path.read_text(encoding="utf-8")):
                    yield f"{path.relative_to(ROOT)}:{one.line}", one


def places_in(sentence: str) -> set[str]:
    """Return the names of the `{named}` places of a sentence."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def catalogue() -> dict[str, Message]:
    """Return the French catalogue by its English sentences, the header left out."""
    with CATALOGUE.open("rb") as file:
        return {str(message.id): message for message in read_po(file, locale="fr") if message.id}


SAID = list(said())
SENTENCES = {one.sentence for _, one in SAID if one.sentence is not None}
FRENCH = catalogue()


def test_every_sentence_can_be_found() -> None:
    """What people are told is a literal where it is marked, never put together there."""
    assert [] == [place for place, one in SAID if one.sentence is None]


def test_every_sentence_has_its_french() -> None:
    """Each sentence that the code says to people stands in the French catalogue, translated."""
    untranslated = {sentence for sentence in SENTENCES if sentence not in FRENCH or not FRENCH[sentence].string}
    assert set() == untranslated


def test_no_french_is_stale() -> None:
    """The catalogue holds no sentence that the code no longer says, and none marked as doubtful."""
    assert set() == set(FRENCH) - SENTENCES
    assert [] == [sentence for sentence, message in FRENCH.items() if message.fuzzy]


def test_french_keeps_the_places() -> None:
    """A translation has the same named places as its sentence, no more and no fewer."""
    differing = {
        sentence: message.string
        for sentence, message in FRENCH.items()
        if places_in(sentence) != places_in(str(message.string))
    }
    assert {} == differing


ONE_TERM = {"back office": "back-office CinetPay", "API key": "clé d’API", "site id": "identifiant"}
"""What CinetPay and its merchants call a thing in French, by its English: the same word everywhere."""
OTHER_TERMS = ("espace marchand", "clé API", "back office", "backoffice", "paramètre", "acheteur")


@pytest.mark.parametrize("english", ONE_TERM)
def test_french_has_one_term_for_a_thing(english: str) -> None:
    """Staff who look for a word at CinetPay find it: it is never called by two names."""
    french = {sentence: str(message.string) for sentence, message in FRENCH.items() if english in sentence}
    assert french
    assert {} == {sentence: said for sentence, said in french.items() if ONE_TERM[english].lower() not in said.lower()}


def test_french_has_no_other_terms() -> None:
    """Neither the catalogue nor the guide of the shop's staff has another name for these things."""
    guide = (ROOT / "docs" / "admin.fr.md").read_text(encoding="utf-8")
    written = [*(str(message.string) for message in FRENCH.values()), *guide.splitlines()]
    assert [] == [line for line in written if any(term in line for term in OTHER_TERMS)]


def test_french_is_typeset() -> None:
    """No mark is torn from its word at the end of a line: what stands before it is a space that does not break."""
    wrong = re.compile("[ \u202f]:(?!//)|[ \u00a0][;?!]|«[ \u202f]|[ \u202f]»|'")
    assert {} == {s: m.string for s, m in FRENCH.items() if wrong.search(str(m.string))}


def test_every_place_is_filled() -> None:
    """A sentence is given exactly the values that its named places ask for."""
    wrong = [place for place, one in SAID if one.sentence is not None and places_in(one.sentence) != one.values]
    assert [] == wrong


def test_sentences_are_found() -> None:
    """The checks above see what code and templates say, with the values given."""
    code = 'a = text("Paid {amount}.", amount=5)\nb = context("No text.")\ndef say(s): return text(s).say("fr")'
    page = '<h1>{{ say(title) }}</h1>\n{% if x %}{{ say("To {host}.", host=h) }}{% endif %}{{ pay("Nothing.") }}'
    assert [Said(line=1, sentence="Paid {amount}.", values=frozenset({"amount"}))] == list(said_in_python(code))
    assert [Said(line=2, sentence="To {host}.", values=frozenset({"host"}))] == list(said_in_template(page))


@pytest.mark.parametrize("code", ['text(f"Paid {amount}.")', "text(sentence)", 'text("Paid " + amount)', "text(5)"])
def test_a_sentence_that_no_translator_finds_is_noticed(code: str) -> None:
    """A sentence that is put together where it is marked is no literal to the checks above."""
    assert [Said(line=1, sentence=None, values=frozenset())] == list(said_in_python(code))


@pytest.mark.parametrize("sentence", sorted(FRENCH))
def test_french_is_said(sentence: str) -> None:
    """A sentence of the catalogue is said in its French, its places filled."""
    values = {name: f"<{name}>" for name in places_in(sentence)}
    assert str(FRENCH[sentence].string).format(**values) == text(sentence, **values).say(Language.FRENCH)


@pytest.mark.parametrize("language", Language)
def test_a_sentence_without_french_is_said_in_english(language: Language) -> None:
    """A sentence that is in no catalogue is said as it stands, in either language."""
    assert "No catalogue holds {this}." == text("No catalogue holds {this}.").say(language)


def test_places_are_filled() -> None:
    """Values fill the named places, and a text among them is said in the same language."""
    inner = text("{count} francs", count=5)
    assert "You paid 5 francs to Awa." == text("You paid {what} to {whom}.", what=inner, whom="Awa").say(
        Language.ENGLISH
    )


def test_a_missing_value_is_a_fault() -> None:
    """A text with values but without one that it names can't be said."""
    with pytest.raises(KeyError):
        text("{one} and {other}", one=1).say(Language.ENGLISH)


def test_texts_compare_by_what_they_say() -> None:
    """Two texts are equal where sentence and values are, and can be kept in sets."""
    assert text("Paid {n}.", n=1) == Text("Paid {n}.", {"n": 1})
    assert text("Paid {n}.", n=1) != text("Paid {n}.", n=2)
    assert 2 == len({text("Paid {n}.", n=1), text("Paid {n}.", n=2), text("Paid {n}.", n=1)})


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        *[(tag, Language.FRENCH) for tag in ("fr", "FR", " fr ", "fr-CI", "fr_CI", "FR-ci", "fr-Latn-SN")],
        *[(tag, Language.ENGLISH) for tag in ("en", "EN-GB", "en_US")],
    ],
)
def test_a_tag_is_taken_by_its_first_part(tag: str, expected: Language) -> None:
    """A language tag means its first part, whatever its case, region or separator, and whatever the default."""
    assert {expected} == {language_of(tag, default) for default in Language}


@pytest.mark.parametrize("tag", [None, "", " ", "-", "wo", "pt-BR", "french", "-fr"])
@pytest.mark.parametrize("default", Language)
def test_an_unknown_tag_is_the_default(tag: str | None, default: Language) -> None:
    """A language that we don't speak, and none at all, become the default."""
    assert default is language_of(tag, default)


@given(st.text(), st.sampled_from(Language))
def test_any_tag_becomes_a_language(tag: str, default: Language) -> None:
    """Whatever a storefront sends as a language, one that we speak comes out."""
    assert language_of(tag, default) in Language
