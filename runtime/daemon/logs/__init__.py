"""Logs: what services print, kept in memory within a count of lines and of bytes, and followed while it comes."""

from runtime.daemon.logs.book import LogBook, ServiceLog
from runtime.daemon.logs.entry import LogEntry
from runtime.daemon.logs.follow import LogFollow

__all__ = ["LogBook", "LogEntry", "LogFollow", "ServiceLog"]
