"""The commands of `fabric`, one file each."""
