"""The database: what it holds in clear, and what only as sealed columns."""
