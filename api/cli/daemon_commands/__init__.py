"""The commands of `fabricksd`, one a file."""
