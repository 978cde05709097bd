"""Views beside the mirror's tables, with names for ids and in the clinic's own time zone.

Tables keep moments in UTC and relations as ids. Views show names, and days, weekdays and months in
the time zone of the business. They are written once, in the SQL that
DuckDB and PostgreSQL share.

What the API does not say is in no view: how much of an invoice was paid, or when a practitioner
worked before the present hours were set.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["VIEWS", "create_views"]

VIEWS: Final[Mapping[str, Sequence[str]]] = {
    "appointments": (
        "individual_appointments",
        "group_appointments",
        "unavailable_blocks",
        "attendees",
        "patients",
        "practitioners",
        "appointment_types",
        "businesses",
    ),
    "attendance": ("appointments",),
    "retention": ("appointments", "patients"),
    "capacity": ("appointments", "daily_availabilities", "practitioners", "businesses"),
    "revenue": ("invoice_items", "invoices", "practitioners", "businesses"),
    "unpaid": ("invoices", "patients", "practitioners", "businesses"),
}
"""Each view, and the tables and views that it is made of."""

DESTINATIONS: Final = ("duckdb", "postgres")
"""The databases that have views: their dialects have in common what is written here."""


def create_views(pipeline: Any) -> Sequence[str]:
    """Make the views for which a dlt pipeline has filled all tables.

    Existing views are replaced.

    Returns:
        The names of the views.
    """
    if not str(pipeline.destination.destination_type).endswith(DESTINATIONS):
        return ()
    made: list[str] = []
    with pipeline.sql_client() as client:
        there = _tables(client)
        for name, needed in VIEWS.items():
            if there.issuperset(needed):
                client.execute_sql(_statement(name, client))
                there.add(name)
                made.append(name)
    return made


def _tables(client: Any) -> set[str]:
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
    return {name for (name,) in client.execute_sql(query, client.dataset_name)}


def _statement(name: str, client: Any) -> str:
    """The statement that makes a view, in the dataset of its tables."""
    # Without the catalogue: a DuckDB file may be renamed, and is named after its file.
    schema = client.escape_column_name(client.dataset_name)
    query = (files("cliniko_async.mirror") / "views" / f"{name}.sql").read_text(encoding="utf-8")
    for table in VIEWS[name]:
        query = query.replace(f"{{{table}}}", f"{schema}.{table}")
    # A driver takes a percent sign for the place of a value.
    return f"CREATE OR REPLACE VIEW {schema}.{name} AS\n{query}".replace("%", "%%")
