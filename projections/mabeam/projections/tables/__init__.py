"""A space as tables: rows that follow from each event, for stores that speak SQL."""

from mabeam.projections.tables.projection import NAME, TABLES, VERSION, rows

__all__ = ["NAME", "TABLES", "VERSION", "rows"]
