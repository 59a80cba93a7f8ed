"""Every GraphQL document of the repository is valid for every Saleor that is supported, wherever it is written."""

import re
from functools import cache
from pathlib import Path

import pytest
from documents_kit import Found, Unreadable, documents_of
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from sandbox_saleor_kit import QUERIES

from saleor_cinetpay.saleor.introspection import DOCUMENTS_SINCE, documents_for

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / ".." / "shared" / "saleor"
ASK_FAKES = r"tests/(?!live/|browser/)"
"""What these write within their code is for fakes alone, and sometimes wrong on purpose."""
DOCUMENTS = [
    *documents_of(ROOT, files_alone=ASK_FAKES),
    *(Found(place=f"tests/sandbox_saleor_kit.py:{event}", text=query) for event, query in QUERIES.items()),
]
SUBSCRIPTIONS = sorted((ROOT / "webhooks").glob("*.graphql"))
VERSIONS = ["3.20", "3.21", "3.22", "3.23"]
SINCE = DOCUMENTS_SINCE | {"live_since_3_22": "3.22"}
"""Documents that hold only from a version on, by the names of their files; any other holds for all."""


@cache
def schema(version: str) -> GraphQLSchema:
    path = SCHEMAS / version / "schema.graphql"
    if not path.exists():
        pytest.skip("Saleor's schemas stand beside the checkout, and are not here")
    # Descriptions are two thirds of the text, and validation does not read them.
    return build_schema(re.sub(r'"""(?:[^"]|"(?!""))*"""', "", path.read_text("utf-8")), assume_valid=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.place)
def test_document_is_valid(document: Found, version: str) -> None:
    """A document has only what that Saleor's schema knows; one unknown field would fail a whole install."""
    errors = [error.message for error in validate(schema(version), parse(document.text))]
    known = version >= SINCE.get(document.stem, "3.20")
    assert known == ([] == errors), errors


def test_every_kind_of_document_is_found() -> None:
    """The app's own, the doors', the tests' for a real Saleor, the examples', the demo shop's and the guides'."""
    folders = ("saleor_cinetpay/saleor/documents", "webhooks", "tests/live", "tests/browser", "examples", "docs")
    beside = ("saleor_cinetpay/sandbox/shop/static", "bench")
    assert [] == [f for f in (*folders, *beside) if not any(one.place.startswith(f"{f}/") for one in DOCUMENTS)]
    places = {one.place for one in DOCUMENTS}
    written = {path.relative_to(ROOT).as_posix() for path in SUBSCRIPTIONS}
    assert written <= places
    assert set(SINCE) <= {one.stem for one in DOCUMENTS}


WHOLE = "query Q($a: ID!) { app(id: $a) { id } }"
WRITTEN = {
    "new.graphql": WHOLE,
    "new.py": f'NAME = "id"\nQUERY = """{WHOLE}"""\nSHORT = f"{{{{ app {{{{ {{NAME}} }}}} }}}}"\nOTHER = "{{name}}"\n',
    "new.ts": f"const FIELDS = `id`;\nconst query = `{WHOLE.replace('{ id }', '{ ${FIELDS} }')}`;\n",
    "new.html": f"<script>ask('{WHOLE}')</script>",
    "new.dart": f'final query = """\n  {WHOLE}""";',
    "new.md": f"A mutation:\n\n```graphql\n{WHOLE}\n```\n",
    "types.graphql": "type Query { app: ID }",
}


def test_a_document_is_found_wherever_it_is_written(tmp_path: Path) -> None:
    """In files of its own, in Python, scripts, pages and Markdown; constants of the same file stand in their places."""
    for name, text in WRITTEN.items():
        (tmp_path / name).write_text(text)
    found = [(one.place, " ".join(one.text.split())) for one in documents_of(tmp_path)]
    quoted = [(f"new.{kind}:Q", WHOLE) for kind in ("dart", "html", "md")]
    python = [("new.py:Q", WHOLE), ("new.py:1", "{ app { id } }")]
    assert [*quoted[:1], ("new.graphql", WHOLE), *quoted[1:], *python, ("new.ts:Q", WHOLE)] == found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("new.graphql", "query {"),
        ("new.ts", "const query = `${FRAGMENT} query Q { app { id } }`;"),
        ("new.ts", "const query = `query Q { app { ${fields()} } }`;"),
        ("new.py", 'QUERY = f"query Q {{ app {{ {fields()} }} }}"'),
        ("new.md", "```\nquery Q { app { id } }\n```\n"),
        ("new.kt", "val query = raw(query Q { app })"),
    ],
    ids=["broken", "not at its start", "put together", "put together in Python", "in another fence", "unquoted"],
)
def test_a_document_that_cannot_be_read_is_no_silence(tmp_path: Path, name: str, text: str) -> None:
    """What looks like an operation and can't be checked fails, and says where it is."""
    (tmp_path / name).write_text(text)
    with pytest.raises(Unreadable, match=name):
        documents_of(tmp_path)


@pytest.mark.parametrize(("version", "sent"), [("3.20", False), ("3.21", False), ("3.22", True), ("3.23", True)])
def test_what_is_later_is_not_sent_before(version: str, sent: bool) -> None:
    """The doctor checks for each Saleor what it really gets: later documents only from their version on."""
    documents = documents_for(version)
    assert sent is ("app_problem_create.graphql" in documents)
    assert {"identify.graphql", "webhooks.graphql"} <= set(documents)


@pytest.mark.parametrize("path", SUBSCRIPTIONS, ids=lambda path: path.stem)
def test_subscription_names_who_is_called_and_when(path: Path) -> None:
    """A signature covers neither header nor time, so each body says its type, time and recipient."""
    (operation,) = parse(path.read_text("utf-8")).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert "subscription" == operation.operation.value

    text = re.sub(r"\s+", " ", path.read_text("utf-8"))

    event = "".join(word.capitalize() for word in path.stem.split("_"))
    assert f"event {{ ... on {event} {{ __typename issuedAt version recipient {{ id identifier }} " in text
