"""The web console of operators: pages on the listener of the admin API, made on the server, and kept up to date."""
