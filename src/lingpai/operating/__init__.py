"""What operators do, whatever they do it by: the command line on the host, or the admin API."""
