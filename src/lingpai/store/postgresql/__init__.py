"""The PostgreSQL engine of the store: one database, any number of nodes."""
