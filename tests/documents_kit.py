"""Finds every GraphQL document of a source tree, wherever it is written, so that none is forgotten by a check.

In `.graphql` files, in the fences of Markdown, in Python's strings, and in the quoted texts of any other file.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from graphql import DefinitionNode, DocumentNode, GraphQLError, OperationDefinitionNode, TypeSystemDefinitionNode, parse

LEFT_OUT = {"node_modules", "test-results", "build", "dist", "data", "htmlcov", "__pycache__"}
"""Folders that hold nothing of ours; hidden ones neither."""
OPERATION = r"(?:query|mutation|subscription)\b\s*(?:[A-Za-z_]\w*\s*)?(?:\([^()]*\$[^()]*\)\s*)?\{{1,2}"
BEGINS = re.compile(rf"\b{OPERATION}(?=\s*(?:\.\.\.|[A-Za-z_$]))")
"""What looks like an operation, wherever it stands."""
REST = r"(?:\\.|(?!(?P=quote)).)*)(?P=quote)"
QUOTED = re.compile(rf"""(?P<quote>[`"'])(?P<text>\s*(?:{OPERATION}){REST}""", re.DOTALL)
CONSTANT = re.compile(rf"""\bconst\s+(?P<name>\w+)\s*=\s*(?P<quote>[`"'])(?P<text>{REST}""", re.DOTALL)
FENCE = re.compile(r"^```graphql\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SHORT = re.compile(r"\s*\{\s*\w+[^{}]*\{")
"""An operation without a name or a keyword, with at least one selection in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One document, and where it stands."""

    place: str
    text: str

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return Path(self.place.partition(":")[0]).stem


class Unreadable(AssertionError):
    """Something looks like an operation, and can't be checked."""


def documents_of(root: Path, *, files_alone: str = "(?!)") -> list[Found]:
    """Return every document below a folder; where a path begins like `files_alone`, those in `.graphql` files alone.

    Raises:
        Unreadable: where an operation stands in a form that is not known here, as it would be checked by nobody.
    """
    found = []
    for path in _files(root):
        place = path.relative_to(root).as_posix()
        if path.suffix != ".graphql" and re.match(files_alone, place):
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += _in_file(place, path.suffix, text)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in LEFT_OUT or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _in_file(place: str, suffix: str, text: str) -> list[Found]:
    if suffix == ".graphql":
        document = _parsed(place, text)
        types_alone = all(isinstance(one, TypeSystemDefinitionNode) for one in document.definitions)
        return [] if types_alone else [Found(place=place, text=text)]
    match suffix:
        case ".py":
            pieces = _in_python(text)
        case ".md":
            pieces = [one["text"] for one in FENCE.finditer(text)]
        case _:
            pieces = _in_quotes(text)
    found: list[Found] = []
    for piece in pieces:
        names = [name for one in _parsed(place, piece).definitions if (name := _name(one))]
        found.append(Found(place=f"{place}:{'+'.join(names) or len(found)}", text=piece))
    begun = len(BEGINS.findall(text))
    read = sum(len(BEGINS.findall(piece)) for piece in pieces)
    if begun > read:
        raise Unreadable(f"{place}: {begun} operations begin there, and {read} can be read")
    return found


def _name(definition: DefinitionNode) -> str | None:
    named = isinstance(definition, OperationDefinitionNode) and definition.name
    return named.value if named else None


def _parsed(place: str, text: str) -> DocumentNode:
    try:
        return parse(text)
    except GraphQLError as error:
        raise Unreadable(f"{place}: {error.message}") from error


def _in_quotes(text: str) -> list[str]:
    """Return the quoted operations of a script, with the script's own constants in their places."""
    constants = {one["name"]: one["text"] for one in CONSTANT.finditer(text)}
    return [_filled(one["text"], constants) for one in QUOTED.finditer(text)]


def _filled(text: str, constants: Mapping[str, str]) -> str:
    while (filled := re.sub(r"\$\{(\w+)\}", lambda one: constants.get(one[1], one[0]), text)) != text:
        text = filled
    return text


def _in_python(text: str) -> list[str]:
    """Return the strings of a module that are operations, with the module's own constants in their places."""
    tree, names = ast.parse(text), dict[str, str]()
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _value(node.value, names)
            if value is not None:
                names[node.targets[0].id] = value
    return [piece for piece in _strings(tree, names) if _is_operation(piece)]


def _strings(node: ast.AST, names: Mapping[str, str]) -> Iterator[str]:
    """Yield every string below a node; one that is put together as a whole."""
    if isinstance(node, ast.expr) and (value := _value(node, names)) is not None and not isinstance(node, ast.Name):
        yield value
        return
    for child in ast.iter_child_nodes(node):
        yield from _strings(child, names)


def _value(node: ast.expr, names: Mapping[str, str]) -> str | None:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name):
            return names.get(name)
        case ast.FormattedValue(value=inner):
            return _value(inner, names)
        case ast.JoinedStr(values=parts):
            return _joined(parts, names)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined([left, right], names)
        case _:
            return None


def _joined(parts: list[ast.expr], names: Mapping[str, str]) -> str | None:
    values = [_value(part, names) for part in parts]
    return None if None in values else "".join(value for value in values if value is not None)


def _is_operation(text: str) -> bool:
    if BEGINS.match(text.lstrip()):
        return True
    if not SHORT.match(text):
        return False
    try:
        parse(text)
    except GraphQLError:
        return False
    return True
