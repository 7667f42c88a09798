"""Parse one page of a bucket's listing (ListObjectsV2 of the Amazon S3 API, version 2006-03-01)."""

from urllib.parse import quote
from xml.etree import ElementTree  # see parse_page  # nosec B405

from probe.ooni.archive.keys import Stored

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
LARGEST = 2**50  # bytes. A larger size is not believed.


class Unusable(ValueError):
    """Report that the bucket's answer is malformed. The text is the reason, without the bucket's name."""


def page_query(prefix: str, token: str | None) -> str:
    """Return the query string for the first page, or for the page after `token`."""
    more = f"&continuation-token={quote(token, safe='')}" if token else ""
    return f"list-type=2&max-keys=1000&prefix={quote(prefix, safe='')}{more}"


def parse_page(raw: bytes) -> tuple[list[Stored], str | None]:
    """Return the files of a page and the next page's token, or None after the last. Raises Unusable."""
    if b"\0" in raw:
        raise Unusable("its listing is no XML in UTF-8")  # in UTF-16 the next check would find no entity
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise Unusable("its listing declares entities, which S3's never do")
    try:
        listing = raw.decode()
        root = ElementTree.fromstring(listing)  # without entities nothing expands or is loaded  # nosec B314
    except (UnicodeDecodeError, ElementTree.ParseError):
        raise Unusable("its listing is no XML") from None
    if root.tag.removeprefix(NAMESPACE) != "ListBucketResult":
        raise Unusable(f"it answers {root.tag.removeprefix(NAMESPACE)[:40]!r} in place of a listing")
    files = [_stored(entry) for entry in root if entry.tag.removeprefix(NAMESPACE) == "Contents"]
    if _text(root, "IsTruncated") != "true":
        return files, None
    token = _text(root, "NextContinuationToken")
    if not token:
        raise Unusable("its listing goes on without saying where")
    return files, token


def _stored(entry: ElementTree.Element) -> Stored:
    size = _text(entry, "Size")
    if not size.isascii() or not size.isdigit() or len(size) > 16 or int(size) > LARGEST:
        raise Unusable("its listing has a file without a size")
    return Stored(_text(entry, "Key"), int(size), _text(entry, "ETag").strip('"'))


def _text(entry: ElementTree.Element, tag: str) -> str:
    found = entry.find(NAMESPACE + tag)
    found = entry.find(tag) if found is None else found
    return (found.text or "").strip() if found is not None else ""
