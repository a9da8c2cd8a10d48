"""One suite over every Store and every Bus."""
