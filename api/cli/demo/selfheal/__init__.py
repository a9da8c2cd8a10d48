"""The demo of self-healing: a service fails, its log is read, a rollback waits, a person applies it."""
