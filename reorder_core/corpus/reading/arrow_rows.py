"""Parquet and Arrow files as rows, integers and all other values exact."""

from collections.abc import Iterable, Iterator
from typing import Any

from reorder_core.corpus.reading.rows import BrokenTable, Row, Table
from reorder_core.corpus.reading.unpacking import Content

SUFFIXES = (".parquet", ".pq", ".arrow", ".feather", ".ipc")
_PARQUET, _ARROW, _STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"


def arrow_table(content: Content, wanted: Iterable[str]) -> Table | None:
    """The rows of a Parquet file, an Arrow file or an Arrow stream (as `datasets` saves it).

    Only the wanted columns are read. Raises BrokenTable for a file that its
    name or first bytes call one of these and that cannot be read.
    """
    data, suffix = content.data, content.suffix
    is_parquet = data.startswith(_PARQUET) or suffix in (".parquet", ".pq")
    if not is_parquet and not data.startswith(_ARROW) and suffix not in SUFFIXES:
        return None
    import pyarrow as pa  # a tenth of a second, and no other form needs it

    form = "Parquet" if is_parquet else "Arrow"
    try:
        columns, batches = (_parquet if is_parquet else _arrow)(pa.BufferReader(data), data)
        _refuse_twins(columns, wanted, content)
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are ValueErrors
        raise BrokenTable(
            f"{content.path} is not a {form} file that can be read: {error}"
        ) from None
    kept = [name for name in columns if name in set(wanted)]
    return Table(form, tuple(columns), _rows(batches, kept, content, form))


def _parquet(source: Any, data: bytes) -> tuple[list[str], Any]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source)
    return file.schema_arrow.names, lambda kept: file.iter_batches(4096, columns=kept)


def _arrow(source: Any, data: bytes) -> tuple[list[str], Any]:
    import pyarrow as pa

    if data.startswith(_ARROW):
        file = pa.ipc.open_file(source)
        batches = (file.get_batch(i) for i in range(file.num_record_batches))
        return file.schema.names, lambda kept: (b.select(kept) for b in batches)
    stream = pa.ipc.open_stream(source)
    return stream.schema.names, lambda kept: (b.select(kept) for b in stream)


def _rows(batches: Any, kept: list[str], content: Content, form: str) -> Iterator[Row]:
    number = 0
    try:
        for batch in batches(kept):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", row
    except (OSError, ValueError) as error:
        raise BrokenTable(
            f"{content.path} is not a {form} file that can be read after row {number}: {error}"
        ) from None


def _refuse_twins(columns: list[str], wanted: Iterable[str], content: Content) -> None:
    for name in wanted:
        if columns.count(name) > 1:
            raise ValueError(f"it has {columns.count(name)} columns {name!r}")
