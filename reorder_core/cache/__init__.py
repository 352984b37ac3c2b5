"""What pages computed or people kept: a DuckDB file that the app alone writes."""
