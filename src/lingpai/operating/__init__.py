"""The operations of the command line on the host and of the admin API."""
