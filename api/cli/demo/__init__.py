"""The demo: `make demo`. A real server, a real receiver, HTTP between them, and a person's decision."""
