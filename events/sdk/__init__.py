"""SDK: what a platform embeds to send its events to Guildhall. Imports no Faust, Dagster or DuckDB."""
