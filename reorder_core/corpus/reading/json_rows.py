"""JSON as rows: one object a line, an array of objects, columns of values.

Recognized by content: `.json`, `.jl` and files without a suffix hold any of these.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from reorder_core.corpus.reading.rows import BrokenTable, Number, Row, Table, columns_of

LINE_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")
_decoder = json.JSONDecoder(
    parse_int=Number, parse_float=Number, parse_constant=lambda _: None, strict=False
)


def json_table(text: str, place: str, suffix: str, wanted: Iterable[str]) -> Table | None:
    """The rows of a JSON text, None where it is none or holds no rows.

    `wanted` are columns that tell a row from other objects. Raises BrokenTable
    for a table with a line that is not JSON.
    """
    wanted = set(wanted)
    if suffix in LINE_SUFFIXES:
        return _table("JSON Lines", list(_lines(text, place)))
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return None
    if start == "{" and _first_line_is_object(text):
        return _table("JSON Lines", list(_lines(text, place)))
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        rows = _one_after_another(text)
        if rows:
            return _table("JSON objects", _numbered(rows))
        if suffix == ".json" and _begins_array_of_objects(text):
            raise BrokenTable(f"{place} is not JSON: {_reason(error)}") from None
        return None
    rows = _rows_in(value, wanted, place)
    return None if rows is None else _table("JSON", _numbered(rows))


def _table(form: str, rows: list[Row]) -> Table:
    return Table(form, columns_of(rows), rows)


def _lines(text: str, place: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _decoder.decode(line.strip().lstrip("\x1e"))
        except (ValueError, RecursionError) as error:
            raise BrokenTable(f"{place}, line {number} is not JSON: {_reason(error)}") from None
        if not isinstance(row, dict):
            raise BrokenTable(
                f"{place}, line {number} holds {_kind(row)}; expected an object with a text"
            )
        yield f"line {number}", row


def _first_line_is_object(text: str) -> bool:
    """Of at least two lines that hold something."""
    lines = text.strip().split("\n", 1)
    try:
        return len(lines) == 2 and bool(lines[1].strip()) and isinstance(_parsed(lines[0]), dict)
    except (ValueError, RecursionError):
        return False


def _parsed(text: str) -> Any:
    return _decoder.decode(text.strip())


def _one_after_another(text: str) -> list[dict[str, Any]]:
    """Objects that follow each other, each over several lines; empty unless all are."""
    rows, at = [], 0
    try:
        while at < len(text):
            at += len(text[at : at + 1000]) - len(text[at : at + 1000].lstrip())
            if at >= len(text):
                break
            row, at = _decoder.raw_decode(text, at)
            if not isinstance(row, dict):
                return []
            rows.append(row)
    except (ValueError, RecursionError):
        return []
    return rows if len(rows) > 1 else []


def _begins_array_of_objects(text: str) -> bool:
    start = text.lstrip()
    return start[:1] == "[" and start[1:1000].lstrip()[:1] == "{"


def _rows_in(value: Any, wanted: set[str], place: str) -> list[dict[str, Any]] | None:
    if isinstance(value, list):
        return _listed(value, wanted)
    if any(isinstance(value.get(column), str) for column in wanted):
        return [value]
    if "columns" in value and _are(value.get("data"), list):  # pandas' orient="split"
        return [dict(zip(value["columns"], row, strict=False)) for row in value["data"]]
    if _are(value.get("rows"), dict) and all(isinstance(r.get("row"), dict) for r in value["rows"]):
        return [row["row"] for row in value["rows"]]
    if wanted & value.keys() or _equally_long_lists(value):
        return _by_column(value, place)
    tables = {name: rows for name, rows in value.items() if _are(rows, dict)}
    if len(tables) > 1:
        raise BrokenTable(
            f"{place} holds {len(tables)} lists of rows ({', '.join(tables)}); "
            "save the one to read as a file of its own"
        )
    if tables:
        return next(iter(tables.values()))
    by_name = list(value.values())
    if _are(by_name, dict) and any(wanted & row.keys() for row in by_name):
        return by_name
    return None


def _listed(value: list[Any], wanted: set[str]) -> list[dict[str, Any]] | None:
    if _are(value, dict):
        return value
    if _are(value, str):  # texts and nothing else
        return [dict.fromkeys(wanted, text) for text in value]
    return None


def _by_column(value: dict[str, Any], place: str) -> list[dict[str, Any]] | None:
    """Rows of {"text": [..], ..} or pandas' {"text": {"0": .., "1": ..}, ..}."""
    columns = {name: c for name, c in value.items() if isinstance(c, (list, dict))}
    if not columns:
        return None
    cells = {n: list(c.values()) if isinstance(c, dict) else c for n, c in columns.items()}
    if len({len(column) for column in cells.values()}) > 1:
        sizes = ", ".join(f"{name}: {len(column)}" for name, column in cells.items())
        raise BrokenTable(f"{place} holds columns of different lengths ({sizes}); expected one")
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _equally_long_lists(value: dict[str, Any]) -> bool:
    lists = [c for c in value.values() if isinstance(c, list) and len(c) > 1]
    return 1 < len(lists) == len(value) and len({len(c) for c in lists}) == 1


def _are(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, kind) for v in value)


def _numbered(rows: list[dict[str, Any]]) -> list[Row]:
    return [(f"row {number}", row) for number, row in enumerate(rows, start=1)]


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _kind(value: Any) -> str:
    return "a number" if isinstance(value, Number) else type(value).__name__
