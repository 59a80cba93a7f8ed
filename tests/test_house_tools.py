"""The tools that judge the project: what CI makes of skips, and the floor under the coverage."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run_pytest(folder: Path, source: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_sample.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, env=os.environ | {"CI": ci}, capture_output=True, text=True, timeout=60, check=False)


SKIPS = {
    "a skipped test": "import pytest\ndef test_it(): pytest.skip('no such thing here')\n",
    "a skipped module": "import pytest\npytest.skip('no such thing here', allow_module_level=True)\n",
    "a test skipped among others": (
        "import pytest\n@pytest.mark.skip(reason='no such thing here')\ndef test_it(): pass\ndef test_other(): pass\n"
    ),
}


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS)
def test_a_skip_is_red_on_ci(tmp_path: Path, source: str) -> None:
    """With CI=true whatever is skipped turns the session red, and its reason is listed."""
    done = run_pytest(tmp_path, source, ci="true")
    assert 1 == done.returncode, done.stdout
    assert "skipped, which CI counts as failed" in done.stdout
    assert "no such thing here" in done.stdout


def test_a_skip_is_green_elsewhere(tmp_path: Path) -> None:
    """Without CI=true a skip is only a skip."""
    assert 0 == run_pytest(tmp_path, SKIPS["a test skipped among others"], ci="").returncode


def test_no_skip_is_green_on_ci(tmp_path: Path) -> None:
    """With CI=true a session without skips stays green, expected failures included."""
    source = "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\ndef test_other(): pass\n"
    assert 0 == run_pytest(tmp_path, source, ci="true").returncode


def coverage_floor(folder: Path, files: dict[str, tuple[int, int, int, int]]) -> subprocess.CompletedProcess[str]:
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    report = {path: {"summary": dict(zip(names, numbers, strict=True))} for path, numbers in files.items()}
    (folder / "coverage.json").write_text(json.dumps({"files": report}))
    command = [sys.executable, str(ROOT / "scripts" / "coverage_floor.py"), str(folder / "coverage.json"), "a/heart"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_enough_coverage_passes(tmp_path: Path) -> None:
    """A folder above the floor passes, whatever other folders have."""
    done = coverage_floor(tmp_path, {"a/heart/x.py": (96, 100, 96, 100), "a/hearty/y.py": (0, 100, 0, 100)})
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a/heart/x.py": (95, 100, 20, 20)}, "a/heart: 95 of 100 lines covered, must be above 95 %"),
        ({"a/heart/x.py": (100, 100, 19, 20)}, "a/heart: 19 of 20 branches covered, must be above 95 %"),
        (
            {"a/heart/x.py": (10, 10, 10, 10), "a/heart/b/y.py": (10, 10, 8, 10)},
            "a/heart: 18 of 20 branches covered, must be above 95 %",
        ),
        ({"a/hearty/x.py": (10, 10, 10, 10)}, "a/heart: nothing was measured"),
    ],
)
def test_too_little_coverage_fails(tmp_path: Path, files: dict[str, tuple[int, int, int, int]], complaint: str) -> None:
    """A folder at or under the floor, in lines or in branches, or one that nothing measured, fails with its numbers."""
    done = coverage_floor(tmp_path, files)
    assert (1, f"{complaint}\n") == (done.returncode, done.stderr)
