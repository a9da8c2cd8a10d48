"""Drivers of storage."""

from runtime.drivers.driver import Driver, NoCredentials
from runtime.drivers.storage.settings import LocalSettings, S3Credentials, S3Settings

DRIVERS: tuple[Driver, ...] = (
    Driver(
        name="local",
        module="storage",
        title="A folder of this machine",
        settings=LocalSettings,
        credentials=NoCredentials,
        code="runtime.drivers.storage.local:Local",
    ),
    Driver(
        name="s3",
        module="storage",
        title="A bucket of a server that speaks S3",
        settings=S3Settings,
        credentials=S3Credentials,
        code="runtime.drivers.storage.s3:S3",
        extra="s3",
        needs=("botocore",),
        poll_seconds=300.0,
    ),
)
"""Each driver of this module."""
