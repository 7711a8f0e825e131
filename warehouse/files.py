"""Files: the names that the warehouse gives its files in a home folder, and the rosters that it reads beside the settings."""

LOCK = "warehouse.lock"
LANDING = "landing.duckdb"
WAREHOUSE = "warehouse.duckdb"
IDENTITY = "identity.db"
PUBLISHED = "published"
PEOPLE = "people.csv"
ROLES = "roles.csv"
