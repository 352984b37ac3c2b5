"""Run folders: reading, building into, the ledger of retrainings, DuckDB."""
