"""What is particular to one store."""
