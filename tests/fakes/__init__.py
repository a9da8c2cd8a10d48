"""Fakes: one for each port that tests must not really use."""
