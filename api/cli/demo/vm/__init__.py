"""The demo of virtual machines."""
