#!/usr/bin/env python3
"""Writes values.schema.json and the table of README.md of a chart from its values.yaml.

The comments above a key are its description, so that there is one text of each setting. A line
`@schema {...}` adds JSON Schema; `@each KEY` says that every entry of a map takes what the
top-level KEY takes, and `@like KEY -WITHOUT...` that the map itself does, besides its own keys.

    python scripts/chart_docs.py [--check] [CHART]
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[1] / "deploy/helm/cahier"
BEGIN, END = "<!-- values: begin -->", "<!-- values: end -->"
TYPES = {
    "tag:yaml.org,2002:str": "string",
    "tag:yaml.org,2002:bool": "boolean",
    "tag:yaml.org,2002:int": "integer",
    "tag:yaml.org,2002:seq": "array",
    "tag:yaml.org,2002:map": "object",
}


@dataclass(frozen=True)
class Notes:
    """The comment block above a key."""

    text: str
    schema: dict[str, Any]
    each: str = ""
    like: str = ""


class Undocumented(Exception):
    """A key without a comment."""


def notes_above(lines: list[str], key_line: int) -> Notes:
    """The comment lines right above line `key_line` (counted from 0)."""
    block: list[str] = []
    for line in reversed(lines[:key_line]):
        if not line.strip().startswith("#"):
            break
        block.insert(0, line.strip().removeprefix("#").strip())
    marks = {"@schema": "{}", "@each": "", "@like": ""}
    text = []
    for line in block:
        mark, _, rest = line.partition(" ")
        if mark in marks:
            marks[mark] = rest
        else:
            text.append(line)
    return Notes(" ".join(text), json.loads(marks["@schema"]), marks["@each"], marks["@like"])


class Chart:
    """A chart's values, read with their comments."""

    def __init__(self, folder: Path) -> None:
        source = (folder / "values.yaml").read_text("utf-8")
        self.folder = folder
        self._lines = source.splitlines()
        self._root = yaml.compose(source)
        self._tops = {key.value: value for key, value in self._root.value}

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the values; unknown keys are refused, `global` is let through."""
        top = self._object(self._root)
        top["properties"]["global"] = {"description": "Helm's own.", "type": "object"}
        return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values", **top}

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """(path, default, description) of each key, in the order of the file."""
        yield from self._rows(self._root, "")

    def _object(self, node: Any) -> dict[str, Any]:
        properties = {key.value: self._property(key, value) for key, value in node.value}
        return {"type": "object", "additionalProperties": False, "properties": properties}

    def _property(self, key: Any, value: Any) -> dict[str, Any]:
        notes = notes_above(self._lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and value.value and not notes.schema:
            made = self._object(value)
            if notes.each:
                entry = self._object(self._tops[notes.each])
                made["properties"] = {
                    name: {**copy.deepcopy(entry), "description": own["description"]}
                    for name, own in made["properties"].items()
                }
            if notes.like:
                like, *without = notes.like.split(" -")
                shared = self._object(self._tops[like])["properties"]
                kept = {name: each for name, each in shared.items() if name not in without}
                made["properties"] = {**kept, **made["properties"]}
        else:
            made = {"type": TYPES[value.tag], **notes.schema}
        return {"description": notes.text, **made} if notes.text else made

    def _rows(self, node: Any, prefix: str) -> Iterator[tuple[str, str, str]]:
        for key, value in node.value:
            path = f"{prefix}{key.value}"
            notes = notes_above(self._lines, key.start_mark.line)
            nested = isinstance(value, yaml.MappingNode) and value.value and not notes.schema
            if not nested and not notes.text:
                raise Undocumented(path)
            if notes.text:
                yield path, "" if nested else default_of(value), notes.text
            if nested:
                yield from self._rows(value, f"{path}.")


def default_of(node: Any) -> str:
    loaded = yaml.SafeLoader("")
    return json.dumps(loaded.construct_object(node, deep=True))


def table(chart: Chart) -> str:
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]
    for path, default, text in chart.rows():
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{path}` | {shown} | {text.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def generated(folder: Path) -> dict[Path, str]:
    """The text that each generated file should have."""
    chart = Chart(folder)
    readme = folder / "README.md"
    head, _, rest = readme.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    return {
        folder / "values.schema.json": json.dumps(chart.schema(), indent=2) + "\n",
        readme: f"{head}{BEGIN}\n{table(chart)}\n{END}{tail}",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chart", nargs="?", type=Path, default=CHART)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if outdated")
    options = parser.parse_args()
    outdated = [
        (file, text)
        for file, text in generated(options.chart).items()
        if not file.is_file() or file.read_text("utf-8") != text
    ]
    for file, text in outdated:
        print(f"{file}: {'outdated' if options.check else 'written'}")
        if not options.check:
            file.write_text(text, "utf-8")
    return 1 if options.check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
