"""Listings as Arrow tables, for polars, pandas and DuckDB; needs the extra `parquet`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from cliniko_async.errors import DecodeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

    from cliniko_async._lists.plan import OnBadRecord

__all__ = ["RecordTable", "TableBatches", "joined"]

ROWS_AT_A_TIME: Final = 1000
"""Rows that are converted before others get their turn: some milliseconds."""


class RecordTable:
    """Records as an Arrow table. Its repr shows the shape, never a row.

    It has Arrow's own interface, so that other libraries take it as it is:
    `polars.DataFrame(table)`, `pandas.DataFrame.from_arrow(table)`, `pyarrow.table(table)`, and
    `FROM table` in DuckDB. What they make of it shows its rows.

    Args:
        arrow: The `pyarrow.Table`.
    """

    def __init__(self, arrow: Any) -> None:
        self._arrow = arrow

    @property
    def arrow(self) -> Any:
        """The `pyarrow.Table`, whose repr shows rows."""
        return self._arrow

    @property
    def schema(self) -> Any:
        """The `pyarrow.Schema`, which depends on the resource alone, never on the rows."""
        return self._arrow.schema

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self._arrow), len(self._arrow.schema.names)

    @property
    def column_names(self) -> Sequence[str]:
        """The names of the columns: a relation's is that of the filter, such as `patient_id`."""
        return tuple(self._arrow.schema.names)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, also with a pandas that does not take Arrow tables itself."""
        return self._arrow.to_pandas()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._arrow.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._arrow.schema.__arrow_c_schema__()

    def __len__(self) -> int:
        return len(self._arrow)

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"<RecordTable of {rows} rows, {columns} columns>"

    def _repr_html_(self) -> str:
        rows, columns = self.shape
        return f"<p>RecordTable of {rows} rows, {columns} columns</p>"


class TableBatches:
    """A listing's records as tables of a given number of rows.

    Args:
        pages: The listing's pages, undecoded.
        model: What its records are.
        rows: Rows per table, but for the last one.
        on_bad_record: What happens with records that do not fit their columns.

    Raises:
        InvalidValueError: `rows` is not a positive number.
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, pages: Any, model: Any, *, rows: int, on_bad_record: OnBadRecord) -> None:
        from cliniko_async._models.arrow import table_of  # noqa: PLC0415 - an extra of its own

        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:  # pyright: ignore[reportUnnecessaryIsInstance] # callers without a type checker
            raise InvalidValueError("rows= takes how many rows a table has, such as 10_000")
        self._table_of = table_of
        self._pages = pages
        self._model = model
        self._rows = rows
        self._on_bad_record: OnBadRecord = on_bad_record
        self._waiting: list[msgspec.Raw] = []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RecordTable:
        # Wrapped, for this frame may be seen: the next page may not come.
        parts: list[RecordTable] = []
        while (missing := self._rows - sum(map(len, parts))) > 0:
            rows = await self._next(min(missing, ROWS_AT_A_TIME))
            if not rows:
                break
            parts.append(self._converted(rows))
        if not parts:
            raise StopAsyncIteration
        return joined(self._model, parts)

    async def _next(self, most: int) -> Sequence[msgspec.Raw]:
        """Some rows; none at the end."""
        while len(self._waiting) < most and (page := await anext(self._pages, None)):
            self._waiting += page.rows
        rows, self._waiting = self._waiting[:most], self._waiting[most:]
        return rows

    def _converted(self, rows: Sequence[msgspec.Raw]) -> RecordTable:
        try:
            return RecordTable(self._table_of(self._model, rows))
        except DecodeError as error:
            if self._on_bad_record == "raise":
                raise
            if len(rows) > 1:
                # One at a time, for all that do not fit.
                return joined(self._model, [self._converted([row]) for row in rows])
            if callable(self._on_bad_record):
                self._on_bad_record(error)
            return joined(self._model, [])

    async def aclose(self) -> None:
        """End the iteration, and cancel the pages that are being read ahead."""
        self._waiting.clear()
        await self._pages.aclose()

    def __repr__(self) -> str:
        return "<TableBatches>"


def joined(model: Any, parts: Sequence[RecordTable]) -> RecordTable:
    """One table of several; an empty one of none."""
    from cliniko_async._models.arrow import arrow, schema_of  # noqa: PLC0415 - an extra of its own

    tables = [schema_of(model).empty_table(), *(part.arrow for part in parts)]
    return RecordTable(arrow.concat_tables(tables))
