"""Text tables as rows: comma, tab, semicolon or bar between values, columns in the first line.

Every row must have as many values as the first line names: a value swallowed
or a column too many is an error that names the line, never a guess.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from threading import Lock

from reorder_core.corpus.reading.rows import BrokenTable, Row, Table

SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|"}
_DELIMITERS = {",": "CSV", "\t": "TSV", ";": "CSV with ;", "|": "CSV with |"}
_SNIFFED_LINES = 50
SWALLOWED = 8
"""Lines in one quoted value that each look like a row: a quote was not closed."""
_limit = Lock()


def csv_table(text: str, place: str, suffix: str, wanted: Iterable[str]) -> Table | None:
    """The rows of a text table, None where a file of another name holds none.

    Raises BrokenTable naming the line that does not fit.
    """
    wanted = list(wanted)
    delimiter = _announced(text)
    if delimiter:
        text = text.split("\n", 1)[-1]
    elif suffix in SUFFIXES:
        delimiter = _delimiter(text, SUFFIXES[suffix], wanted)
    else:
        delimiter = _sniffed(text, wanted)
    if delimiter is None:
        return None
    rows = _records(text, place, delimiter)
    header = next(rows, (0, []))[1]
    columns = [name.strip() for name in header]
    _refuse_twins(columns, wanted, place)
    if columns and not columns[-1]:  # a delimiter at the line's end
        columns.pop()
    return Table(_DELIMITERS[delimiter], tuple(columns), _rows(rows, columns, place, delimiter))


def _rows(
    records: Iterable[tuple[int, list[str]]], columns: list[str], place: str, delimiter: str
) -> Iterator[Row]:
    for line, values in records:
        if len(values) == len(columns) + 1 and not values[-1].strip():
            values.pop()  # the same at a row's end: an empty value too many
        if len(values) != len(columns):
            raise BrokenTable(
                f"{place}, line {line} has {len(values)} values, the first line names "
                f"{len(columns)} columns; put a value that holds {_named(delimiter)} or a "
                "newline in double quotes"
            )
        yield f"line {line}", dict(zip(columns, values, strict=True))


def _records(text: str, place: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line it begins at, values) of each record; blank lines left out."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    begins, width = 1, 0
    while True:
        try:
            values = _next(reader, max(131_072, len(text)))
        except csv.Error as error:
            raise BrokenTable(
                f"{place} is not a CSV table from line {begins} on: {error}; close the quote that "
                'the line opens, and write a quote inside a value as ""'
            ) from None
        if values is None:
            return
        if any(value.strip() for value in values) or len(values) > 1:
            width = width or len(values)
            _refuse_swallowed(values, width, delimiter, place, begins)
            yield begins, values
        begins = reader.line_num + 1


def _next(reader: Iterator[list[str]], size: int) -> list[str] | None:
    """The next record. csv's limit of a value's size is one for the process: lift it for now."""
    with _limit:
        before = csv.field_size_limit(size)
        try:
            return next(reader, None)
        finally:
            csv.field_size_limit(before)


def _refuse_swallowed(
    values: list[str], width: int, delimiter: str, place: str, begins: int
) -> None:
    for value in values:
        lines = value.split("\n")[1:-1]
        alike = sum(line.count(delimiter) == width - 1 for line in lines)
        if width > 1 and len(lines) >= SWALLOWED and alike > 0.8 * len(lines):
            raise BrokenTable(
                f"{place}, line {begins} opens a quote that is closed {len(lines) + 1} lines "
                "later, and the lines between look like rows; close the quote in that line"
            )


def _refuse_twins(columns: list[str], wanted: list[str], place: str) -> None:
    for name in wanted:
        if columns.count(name) > 1:
            raise BrokenTable(f"{place} has {columns.count(name)} columns {name!r}; rename one")


def _announced(text: str) -> str | None:
    """The delimiter of a first line `sep=;`, as spreadsheets write it."""
    first = text.split("\n", 1)[0].strip()
    return first[4] if len(first) == 5 and first.startswith("sep=") else None


def _delimiter(text: str, usual: str, wanted: list[str]) -> str:
    """The delimiter under which the first line names a wanted column; else the usual one,
    unless only another one cuts that line at all."""
    order = [usual, *(d for d in _DELIMITERS if d != usual)]
    headers = {delimiter: _header(text, delimiter) for delimiter in order}
    for delimiter in order:
        if len(headers[delimiter]) > 1 and set(wanted) & set(headers[delimiter]):
            return delimiter
    if set(wanted) & set(headers[usual]):
        return usual
    return max(order, key=lambda d: (len(headers[d]) > 1, d == usual, len(headers[d])))


def _sniffed(text: str, wanted: list[str]) -> str | None:
    """The delimiter of a file that no suffix calls a table, but its first lines do:
    all with as many values, and a wanted column named first, or five lines of them."""
    beginning = "".join(islice(io.StringIO(text), _SNIFFED_LINES))
    for delimiter in _DELIMITERS:
        widths = _widths(beginning, delimiter)
        if len(set(widths)) != 1 or widths[0] < 2 or len(widths) < 2:
            continue
        if set(wanted) & set(_header(text, delimiter)):
            return delimiter
        # A mark followed by a space is punctuation: a poem has as many commas in each line.
        is_prose = delimiter == "|" or widths[0] < 3 or f"{delimiter} " in beginning
        if len(widths) >= 5 and (delimiter == "\t" or not is_prose):
            return delimiter
    return None


def _widths(beginning: str, delimiter: str) -> list[int]:
    """Values of each record, up to the first that is none."""
    widths = []
    try:
        for values in csv.reader(io.StringIO(beginning), delimiter=delimiter, strict=True):
            if values:
                widths.append(len(values))
    except csv.Error:
        pass  # the beginning may end inside quotes
    return widths


def _header(text: str, delimiter: str) -> list[str]:
    first = text.lstrip("\n\r").split("\n", 1)[0]
    try:
        return [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _named(delimiter: str) -> str:
    return {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a bar"}[delimiter]
