#!/usr/bin/env python3
"""Prints the folders of the workspace packages that a unit is made of, itself last.

What an image holds follows from the packages' own dependencies: a service's image has no other
service in it, and nobody keeps a second list.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def workspace() -> dict[str, tuple[Path, list[str]]]:
    """(folder, names of dependencies) of each package of the workspace, by its name."""
    found = {}
    for file in sorted(ROOT.glob("*/*/pyproject.toml")):
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        needs = [NAME.match(line) for line in project.get("dependencies", [])]
        found[project["name"]] = (file.parent, [name[0] for name in needs if name])
    return found


def folders_of(package: str) -> list[Path]:
    """Folders of a package and of all that it needs of the workspace, needed ones first.

    Raises KeyError when the workspace has no such package.
    """
    packages = workspace()
    ordered: dict[str, Path] = {}

    def add(name: str) -> None:
        folder, needs = packages[name]
        for need in needs:
            if need in packages and need not in ordered:
                add(need)
        ordered[name] = folder

    add(package)
    return list(ordered.values())


def main(arguments: list[str]) -> int:
    try:
        (package,) = arguments
        print("\n".join(map(str, folders_of(package))))
    except (ValueError, KeyError) as error:
        print(f"unit_packages: no such package: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
