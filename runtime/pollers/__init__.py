"""Pollers: what watches controllers and tells of them by events."""
