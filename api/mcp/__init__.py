"""The assistant's door: the catalog's tools over the Model Context Protocol. See docs/decisions/0006-mcp.md."""
