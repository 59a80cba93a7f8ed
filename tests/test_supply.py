"""What the app is made of: licences of everything locked, vulnerabilities asked for, the threat model complete."""

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "licences.py"))


def rows() -> dict[str, tuple[str, str]]:
    """Return version and licence of each package of the page."""
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| ([a-z0-9._-]+) \| (\S+) \| ([^|]+) \|$", page, re.MULTILINE)
    return {name: (version, licence) for name, version, licence in found if name != "package"}


def test_the_list_is_of_the_lock() -> None:
    """Each locked package stands in the list with its version, and no other; scripts/licences.py writes it anew."""
    lock = dict(SCRIPT["locked"]((ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")))
    assert lock == {name: version for name, (version, _) in rows().items()}
    assert len(lock) > 30


def test_every_licence_is_permissive() -> None:
    """Nothing that the app runs with asks for more than to be named."""
    assert [] == [name for name, (_, licence) in rows().items() if not SCRIPT["permissive"](licence)]


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND PSF-2.0", True),
        ("GPL-3.0-only", False),
        ("MIT AND AGPL-3.0-only", False),
        ("LGPL-2.1", False),
        ("", False),
    ],
)
def test_what_counts_as_permissive(licence: str, permissive: bool) -> None:
    """One choice is enough, and each part of it must do."""
    assert permissive is SCRIPT["permissive"](licence)


def test_an_unknown_licence_is_no_licence() -> None:
    """A package that says nothing, or is not there, stops the list."""
    with pytest.raises(LookupError, match="no-such-package"):
        SCRIPT["page"]("no-such-package==1.0 \\\n    --hash=sha256:0\n")


def test_the_lock_names_hashes_and_no_index() -> None:
    """Whatever is installed is what was locked, from wherever the installer is led."""
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert [] == re.findall(r"^\s*-(?!-hash=).*", text, re.MULTILINE), "an option, such as where to look"
        assert [] == re.findall(r"^[a-z0-9._-]+==[^\n]*[^\\]\n", text, re.MULTILINE), "a package without a hash"


def test_the_audit_says_when_it_could_not_ask(tmp_path: Path) -> None:
    """Without the tool the audit is skipped in words, and does not pass for an answer."""
    for name in ("sh", "sed", "dirname", "timeout"):
        (tmp_path / name).symlink_to(Path("/usr/bin") / name)
    ran = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "audit")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (0, "audit: SKIPPED, nothing was asked: there is neither pip-audit nor uvx\n") == (
        ran.returncode,
        ran.stdout,
    )


def test_the_threat_model_has_every_address() -> None:
    """Each address of the README has its row in SECURITY.md: who may, what others could try, what stops them."""
    security = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = security.split("## Who calls", 1)[1].split("\n## ", 1)[0]
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split("## Addresses", 1)[1].split("\n## ", 1)[0]
    listed = set(re.findall(r"`(?:GET |HEAD |POST )+(/[^`?]*)", readme))
    assert set() == {address for address in listed if f"`{address}`" not in table}
