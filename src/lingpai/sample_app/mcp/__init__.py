"""A small MCP server: a resource server of the standard protocol, found and used by nothing but its address."""
