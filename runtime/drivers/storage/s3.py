"""The driver `s3`: a storage that is a bucket of a server that speaks S3."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import refused
from runtime.drivers.link import Link
from runtime.drivers.storage.bucket import Bucket
from runtime.drivers.storage.face import Blob, Condition, Pool
from runtime.drivers.storage.paths import check_path
from runtime.drivers.storage.s3_answers import Page, Unreadable, error_code, file_facts, read_page
from runtime.drivers.storage.s3_writing import Writing
from runtime.drivers.storage.settings import S3Credentials, S3Settings

PAGE = 1000
"""Keys in one listing, the most that servers give."""

COUNTED_PAGES = 10
"""A bucket's size is counted from so many listings; of a larger one it is at least that much."""

_FIRST_BYTE = {"Range": "bytes=0-0"}
_STEPS = ("connect", "sign in", "list bucket")
_FAILS_AT = {"TARGET_AUTH_FAILED": 1, "TARGET_NOT_FOUND": 2, "TARGET_REFUSED": 2}


class S3:
    """Implements Storage."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(S3Settings, link.settings)
        self._bucket = Bucket(link, self._settings, cast(S3Credentials, link.credentials))

    async def check(self) -> Sequence[Check]:
        """See Peer."""
        try:
            async with self._link.reaching("for a listing"):
                await self._page("", "", 1)
        except FabricError as error:
            at = _FAILS_AT.get(error.code, 0)
            failed = Check(name=_STEPS[at], ok=False, detail=error.message, code=error.code, hint=error.hint)
            return [*(Check(name=each, ok=True) for each in _STEPS[:at]), failed]
        return [Check(name=each, ok=True) for each in _STEPS]

    async def devices(self) -> Sequence[Device]:
        """See Peer: a bucket has none."""
        return ()

    async def condition(self) -> Condition:
        """See Storage. Whether the key may write shows when it does."""
        used, pages, more = 0, 0, False
        async with self._link.reaching("for the bucket's size"):
            async for page in self._pages():
                used += sum(each.size for each in page.blobs)
                pages, more = pages + 1, page.more
                if pages == COUNTED_PAGES:
                    break
        quota = self._settings.quota_bytes
        pool = Pool(
            pool=self._settings.bucket,
            filesystem="s3",
            capacity_bytes=quota or None,
            used_bytes=used,
            at_least=more,
            free_bytes=max(0, quota - used) if quota else None,
            used_percent=min(100.0, round(100 * used / quota, 1)) if quota else None,
        )
        return Condition(writable=True, pools=(pool,))

    async def blobs(self, prefix: str, after: str, limit: int) -> Sequence[Blob]:
        """See Storage. A listing tells no digests."""
        found: list[Blob] = []
        async with self._link.reaching("for its blobs"):
            async for page in self._pages(prefix, after):
                found.extend(page.blobs)
                if len(found) >= limit:
                    break
        return found[:limit]

    async def look(self, path: str) -> Json:
        """See Storage."""
        check_path(path)
        async with self._link.reaching("for a blob"):
            return await self._look(path)

    async def write(self, path: str, content: bytes, media_type: str, key: str, before: Json) -> None:
        """See Storage. The server itself compares with `before` where it can; else it is read before and after."""
        check_path(path)
        writing = Writing(self._link.target, self._bucket, self._settings.prefix + path, lambda: self._look(path))
        async with self._link.reaching("for a blob to be stored"):
            await writing.put(content, media_type, key, before)

    async def _look(self, path: str) -> Json:
        key = self._settings.prefix + path
        answer = await self._bucket.read(key, headers=_FIRST_BYTE)
        if answer.status == 416:  # it is empty
            answer = await self._bucket.read(key)
        if answer.status == 404 and error_code(answer.body) != "NoSuchBucket":
            return {"kind": "absent"}
        if answer.status not in (200, 206):
            raise self._bucket.failed(answer)
        with self._readable():
            return file_facts(answer.headers)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except Unreadable as error:
            raise refused(self._link.target, str(error), "Does an S3 server answer at `address`?") from None

    async def _pages(self, prefix: str = "", after: str = "") -> AsyncIterator[Page]:
        while True:
            page = await self._page(prefix, after, PAGE)
            yield page
            if not page.more:
                return
            after = page.last.removeprefix(self._settings.prefix)

    async def _page(self, prefix: str, after: str, count: int) -> Page:
        own = self._settings.prefix
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(count), "prefix": own + prefix}
        if after:
            query["start-after"] = own + after
        answer = await self._bucket.read(query=query)
        if answer.status != 200:
            raise self._bucket.failed(answer)
        with self._readable():
            if answer.truncated:
                raise Unreadable("its listing is longer than one can be")
            page = read_page(answer.body, own)
            if page.more and page.last <= own + after:
                raise Unreadable("its listing does not go on")
            return page
