"""soak: random kill -9 under load. Nothing acknowledged is lost, nothing applied twice or without a person."""
