"""The plan of the house (design.md, section 2), held: who imports whom, how long things are, who reads the clock.

`PLAN` and `BROAD_EXCEPTS` are the lists to change when the plan changes; a module that has no place in the plan fails.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 70

FOUNDATIONS = frozenset(
    {
        "__init__",
        "errors",
        "exchange",
        "locale",
        "money",
        "clock",
        "chance",
        "schedule",
        "settings",
        "database_url",
        "logs",
        "garbage",
        "gathering",
        "metrics",
        "network",
        "recent",
        "stored",
        "tracing",
    }
)
PARTS = frozenset({"cinetpay", "saleor", "shops"})
BORDERS = frozenset({"webhooks", "dashboard", "customer"})

PLAN: dict[str, frozenset[str]] = {
    **dict.fromkeys(FOUNDATIONS, FOUNDATIONS),
    "group_commit": frozenset(),
    "database": FOUNDATIONS | {"group_commit"},
    "inserting": frozenset(),
    **dict.fromkeys(PARTS, FOUNDATIONS),
    "shops": FOUNDATIONS | {"database", "inserting"},
    "payments": FOUNDATIONS | PARTS | {"database", "inserting"},
    **dict.fromkeys(BORDERS, FOUNDATIONS | PARTS | {"payments"}),
    "dashboard": FOUNDATIONS | PARTS | {"payments", "doctor"},
    "edge": FOUNDATIONS,
    "insight": FOUNDATIONS | PARTS | {"payments", "database", "migrations"},
    "lifespan": FOUNDATIONS | {"payments", "shops"},
    "doctor": FOUNDATIONS | PARTS | {"payments", "database", "migrations"},
    "adapters": FOUNDATIONS | PARTS | {"payments"},
    "migrations": FOUNDATIONS | PARTS | {"payments", "database"},
    "background": FOUNDATIONS | PARTS | {"payments", "database", "adapters", "saleor_upkeep"},
    "saleor_upkeep": FOUNDATIONS | {"saleor", "shops"},
    "desk_pages": FOUNDATIONS | PARTS | {"examining", "dashboard", "payments", "adapters", "app"},
    "app": FOUNDATIONS
    | PARTS
    | BORDERS
    | {"payments", "database", "adapters", "background", "desk_pages", "doctor", "edge", "insight", "lifespan"}
    | {"saleor_upkeep"},
    "environment": FOUNDATIONS | {"saleor", "edge", "dashboard"},
    "cli": FOUNDATIONS
    | {"environment", "saleor", "sandbox", "demo"}
    | {"serve_command", "worker_command", "reconcile_command", "upkeep_command", "doctor_command"},
    "serve_command": FOUNDATIONS | {"database", "edge", "migrations"},
    "worker_command": FOUNDATIONS | {"app", "insight", "migrations"},
    "reconcile_command": FOUNDATIONS | {"app", "migrations", "payments"},
    "examining": FOUNDATIONS | {"app", "doctor"},
    "doctor_command": FOUNDATIONS | {"examining"} | {"app", "doctor"},
    "upkeep_command": FOUNDATIONS | {"app", "migrations", "payments", "shops"},
    "demo": FOUNDATIONS | PARTS | {"app", "sandbox", "migrations"},
    "sandbox": frozenset(),
}
"""Each area of the house and what it may import, itself aside."""

CLOCK_READERS = frozenset({"clock", "cli", "sandbox"})
CLOCK_READINGS = frozenset(
    {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
        "time.time",
        "time.time_ns",
    }
)

BROAD_EXCEPTS: dict[str, int] = {
    "saleor_cinetpay.payments.worker": 1,
    "saleor_cinetpay.dashboard.desk": 1,
    "saleor_cinetpay.edge.border": 1,
    "saleor_cinetpay.group_commit": 1,
    "saleor_cinetpay.doctor.checks": 1,
    "webhooks.pipeline": 1,
}
"""The modules that may catch everything, and how often: the outer borders, where the process or the answer ends."""

LATE_IMPORTS = frozenset(
    {
        "saleor_cinetpay.cli",  # a command imports what only it needs
        "saleor_cinetpay.migrations.__init__",  # Alembic, where there is something to migrate
        "saleor_cinetpay.insight.telemetry",  # extras that may not be installed
    }
)
"""The modules that import inside of functions; all others at their top. What serving needs is never among it, so that
no request waits for an import; `tests/processes/test_processes_start.py` holds what serving does without."""


def area_of(module: str) -> str:
    """Return the area that a dotted module belongs to: `saleor_cinetpay.payments.ledger` is in `payments`."""
    top, *below = module.split(".")
    return (below[0] if below else "__init__") if top == "saleor_cinetpay" else top


def module_of(path: Path) -> str:
    """Return the dotted name of a source file of this checkout, `__init__` left in."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports_of(tree: ast.Module, module: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the area of everything of ours that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "saleor_cinetpay" else [base]
        else:
            continue
        for name in names:
            if name.split(".")[0] in {"saleor_cinetpay", "webhooks"}:
                area = area_of(name)
                yield node.lineno, "__init__" if area.startswith("__") else area


def readings_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of every look at the machine's clock, whatever it was imported as."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            head, *rest = ast.unparse(node).split(".")
            full = ".".join([names.get(head, head), *rest])
            if full in CLOCK_READINGS:
                yield node.lineno, full


def late_imports_of(tree: ast.Module) -> list[int]:
    """Return the lines of the imports that stand in functions."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = [node for function in functions for node in ast.walk(function)]
    return sorted({node.lineno for node in found if isinstance(node, ast.Import | ast.ImportFrom)})


def broad_excepts_of(tree: ast.Module) -> list[int]:
    """Return the lines of the handlers that catch everything."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or any(isinstance(n, ast.Name) and n.id in {"Exception", "BaseException"} for n in ast.walk(node.type))
        )
    ]


def complaints(source: str, module: str) -> list[str]:
    """Return everything in which a module leaves the plan."""
    tree = ast.parse(source)
    area = area_of(module)
    if area not in PLAN:
        return [f"{module}: `{area}` has no place in the plan"]
    found = [
        f"{module}:{line}: `{area}` may not import `{imported}`"
        for line, imported in imports_of(tree, module)
        if imported not in PLAN[area] | {area}
    ]
    if area not in CLOCK_READERS:
        found += [f"{module}:{line}: {name} is read; ask the Clock" for line, name in readings_of(tree)]
    if module not in LATE_IMPORTS:
        found += [f"{module}:{line}: imports in a function" for line in late_imports_of(tree)]
    broad = broad_excepts_of(tree)
    if len(broad) > BROAD_EXCEPTS.get(module, 0):
        found += [f"{module}:{line}: catches everything" for line in broad]
    lines = len(source.splitlines())
    if lines > MAX_MODULE_LINES:
        found.append(f"{module}: {lines} lines, at most {MAX_MODULE_LINES}")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                found.append(f"{module}:{node.lineno}: {node.name} has {length} lines, at most {MAX_FUNCTION_LINES}")
    return found


SOURCES = sorted(path for house in ("saleor_cinetpay", "webhooks") for path in (ROOT / house).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_module_keeps_to_the_plan(path: Path) -> None:
    """Every module imports, catches, measures time and ends where the plan says."""
    assert [] == complaints(path.read_text(encoding="utf-8"), module_of(path))


def test_the_checker_reads_the_house() -> None:
    """The check above sees the app's own modules, the doors among them."""
    assert {"saleor_cinetpay.errors", "webhooks.__init__"} <= {module_of(path) for path in SOURCES}


def test_no_permission_outlives_its_use() -> None:
    """A module that may catch everything, or import late, exists and does so; the first as often as the list says."""
    counts = {module_of(path): len(broad_excepts_of(ast.parse(path.read_text(encoding="utf-8")))) for path in SOURCES}
    assert BROAD_EXCEPTS == {module: count for module, count in counts.items() if count}
    late = {module_of(path) for path in SOURCES if late_imports_of(ast.parse(path.read_text(encoding="utf-8")))}
    assert LATE_IMPORTS == late


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("saleor_cinetpay.cinetpay.client", "from saleor_cinetpay.saleor import api", "may not import `saleor`"),
        ("saleor_cinetpay.saleor.api", "import saleor_cinetpay.cinetpay.client", "may not import `cinetpay`"),
        ("saleor_cinetpay.saleor.api", "from ..cinetpay import client", "may not import `cinetpay`"),
        ("saleor_cinetpay.saleor.__init__", "from ..cinetpay import client", "may not import `cinetpay`"),
        ("saleor_cinetpay.payments.verdict", "from saleor_cinetpay import customer", "may not import `customer`"),
        ("saleor_cinetpay.payments.verdict", "if x:\n    import webhooks.common", "may not import `webhooks`"),
        ("webhooks.x", "def f():\n    import json", "imports in a function"),
        ("webhooks.x", "class A:\n    async def f(self):\n        from json import loads", "imports in a function"),
        ("saleor_cinetpay.customer.pages", "from saleor_cinetpay.dashboard.pages import x", "`dashboard`"),
        ("webhooks.cinetpay_return", "from saleor_cinetpay.app import build_app", "may not import `app`"),
        ("saleor_cinetpay.saleor.api", "from saleor_cinetpay import database", "may not import `database`"),
        ("webhooks.x", "from saleor_cinetpay.database import Database", "may not import `database`"),
        ("saleor_cinetpay.money", "from saleor_cinetpay.shops.accounts import x", "may not import `shops`"),
        ("saleor_cinetpay.sandbox.shop", "from saleor_cinetpay.payments import x", "may not import `payments`"),
        ("saleor_cinetpay.app", "from saleor_cinetpay.sandbox import x", "may not import `sandbox`"),
        ("saleor_cinetpay.helpers", "", "`helpers` has no place in the plan"),
        ("webhooks.x", "from datetime import datetime\nat = datetime.now()", "datetime.datetime.now is read"),
        ("webhooks.x", "import datetime as dt\nat = dt.date.today()", "datetime.date.today is read"),
        ("webhooks.x", "from time import time as clock\nat = clock()", "time.time is read"),
        ("webhooks.x", "import time\nfield(default_factory=time.time)", "time.time is read"),
        ("webhooks.x", "try: f()\nexcept Exception: pass", "catches everything"),
        ("webhooks.x", "try: f()\nexcept (OSError, BaseException) as e: pass", "catches everything"),
        ("webhooks.x", "try: f()\nexcept: pass", "catches everything"),
        ("webhooks.x", "\n" * 401, "401 lines, at most 400"),
        ("webhooks.x", "async def f():\n" + "    g()\n" * 70, "f has 71 lines, at most 70"),
    ],
)
def test_the_checker_can_fail(module: str, source: str, complaint: str) -> None:
    """Each rule finds a module that breaks it, and says which rule that is."""
    (found,) = complaints(source, module)
    assert complaint in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("webhooks.x", "import json\nfrom . import common\nfrom saleor_cinetpay import __version__, errors"),
        (
            "webhooks.x",
            "from saleor_cinetpay.payments.ledger import x\nfrom saleor_cinetpay.saleor.api import y",
        ),
        ("saleor_cinetpay.payments.x", "from .verdict import y\nfrom ..cinetpay.model import z"),
        ("webhooks.x", "def f(clock, at): return clock.now(), at.time(), at.date.today"),
        ("saleor_cinetpay.clock", "from datetime import datetime\nat = datetime.now()"),
        ("webhooks.x", "try: f()\nexcept (OSError, ValueError): pass"),
        ("webhooks.x", "\n" * 400),
        ("webhooks.x", "def f():\n" + "    g()\n" * 69),
    ],
)
def test_the_checker_can_pass(module: str, source: str) -> None:
    """What the plan allows is not complained about."""
    assert [] == complaints(source, module)
