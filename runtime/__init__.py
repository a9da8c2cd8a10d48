"""What carries it out: operation providers, device drivers and the one guard for everything that leaves."""
