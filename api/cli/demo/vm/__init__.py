"""The demo of virtual machines: one crashes, another is kept as it is, and its restart is declined."""
