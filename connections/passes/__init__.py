"""The compiler's passes, one a file. Each reads what earlier ones decided, reports what is wrong, and never raises."""
