"""What happens: events, runs, permissions, staging, apply, stores, buses."""
