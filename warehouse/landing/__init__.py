"""Landing: interactions and outcomes from Kafka into DuckDB, once each, with their offsets."""
