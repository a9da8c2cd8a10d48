"""Delivery and wiring: REST, command line. Imports everyone; nobody imports it."""
