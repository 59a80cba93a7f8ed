"""Write docs/licences.md: the licence of each package that the app runs with. Run it after `make lock`.

Usage: licences.py [--check]
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "runtime.txt"
PAGE = ROOT / "docs" / "licences.md"

PERMISSIVE = {"MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0"}
"""What asks for no more than to be named. A package under anything else is for a person to decide about."""

SPDX = {
    "MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
}
"""What classifiers say, as SPDX has it; those that say only "BSD" have the three clauses (looked up: babel, jinja2)."""

ELSEWHERE = {"colorama": "BSD-3-Clause", "httpx2-jsfetch": "BSD-3-Clause"}
"""Packages of other systems, which are not installed here: as their own files say."""

HEAD = """# Licences

The packages that the app runs with, as locked in `requirements/runtime.txt`, and their licences as SPDX names them. All
are permissive: they ask to be named, and their texts stand in each package. Written by `scripts/licences.py`; a test
holds the list against the lock.

| package | version | licence |
|---|---|---|
"""


def locked(lock: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of each package of the lock."""
    yield from re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", lock, re.MULTILINE)


def licence_of(name: str) -> str:
    """Return a package's licence.

    Raises:
        LookupError: where neither its metadata nor this script knows it.
    """
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    try:
        told: PackageMetadata = metadata(name)
    except PackageNotFoundError as error:
        raise LookupError(f"{name} is not installed here: look its licence up and enter it in ELSEWHERE") from error
    if expression := told.get("License-Expression"):
        return expression
    classifiers = [one for one in told.get_all("Classifier") or [] if one.startswith("License ::")]
    named = sorted({SPDX.get(one.rpartition(" :: ")[2], one) for one in classifiers})
    if named:
        return " OR ".join(named)
    written = (told.get("License") or "").strip().splitlines()
    if written and written[0] in PERMISSIVE:
        return written[0]
    raise LookupError(f"{name} does not say its licence: look it up and enter it in ELSEWHERE")


def permissive(licence: str) -> bool:
    """Say whether each part of a licence (or one of its choices) is permissive."""
    return any(all(part.strip() in PERMISSIVE for part in choice.split(" AND ")) for choice in licence.split(" OR "))


def page(lock: str) -> str:
    """Return the page for a lock.

    Raises:
        LookupError: where a licence is not known, or not permissive.
    """
    rows = []
    for name, version in locked(lock):
        licence = licence_of(name)
        if not permissive(licence):
            raise LookupError(f"{name} is under {licence}: may we?")
        rows.append(f"| {name} | {version} | {licence} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    written = page(LOCK.read_text(encoding="utf-8"))
    if "--check" in sys.argv and PAGE.read_text(encoding="utf-8") != written:
        sys.exit("docs/licences.md is not of this lock: run scripts/licences.py")
    PAGE.write_text(written, encoding="utf-8")
