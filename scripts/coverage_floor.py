"""Fail where the tests miss more than a twentieth of a folder's lines or branches.

Usage: coverage_floor.py COVERAGE_JSON FOLDER...
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

FLOOR_PERCENT = 95


def complaints(folder: str, summaries: Iterable[Mapping[str, int]]) -> list[str]:
    """Return what is wrong with a folder's coverage, given coverage's own summary of each of its files."""
    files = list(summaries)
    if not any(file["num_statements"] for file in files):
        return [f"{folder}: nothing was measured"]
    found = []
    for kind, covered, total in (
        ("lines", "covered_lines", "num_statements"),
        ("branches", "covered_branches", "num_branches"),
    ):
        hit, of = sum(file[covered] for file in files), sum(file[total] for file in files)
        if hit * 100 <= of * FLOOR_PERCENT and of:
            found.append(f"{folder}: {hit} of {of} {kind} covered, must be above {FLOOR_PERCENT} %")
    return found


def main(report: Path, folders: list[str]) -> str | None:
    """Return what is wrong in coverage's JSON report, or None."""
    files = json.loads(report.read_text())["files"]
    found = [
        complaint
        for folder in folders
        for complaint in complaints(
            folder, (file["summary"] for path, file in files.items() if Path(path).is_relative_to(folder))
        )
    ]
    return "\n".join(found) or None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
