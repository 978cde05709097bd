"""What is asked of a list: filters, sort orders, and how they appear in a query string.

What users write to narrow a list belongs here. Not here: how a list is then read (`_lists`), or
which fields a resource has (`resources`).
"""

from cliniko_async._query.fields import (
    ArrayField,
    BooleanField,
    DateField,
    DateTimeField,
    Field,
    Filter,
    IdField,
    IntegerField,
    Sort,
    StringField,
)
from cliniko_async._query.filters import Filters, NoFilters
from cliniko_async._query.query_string import DatePattern, checked_text, encode_query
from cliniko_async._query.sort_orders import SortBy, sort_text, sortable

__all__ = [
    "ArrayField",
    "BooleanField",
    "DateField",
    "DatePattern",
    "DateTimeField",
    "Field",
    "Filter",
    "Filters",
    "IdField",
    "IntegerField",
    "NoFilters",
    "Sort",
    "SortBy",
    "StringField",
    "checked_text",
    "encode_query",
    "sort_text",
    "sortable",
]
