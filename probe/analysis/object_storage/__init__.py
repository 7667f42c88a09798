"""Read and write objects in buckets (S3) with pyarrow."""

from probe.analysis.object_storage.bucket import Bucket, address_of, open_bucket
from probe.analysis.object_storage.bucket_inputs import NOT_WRITABLE, objects_of

__all__ = ["NOT_WRITABLE", "Bucket", "address_of", "objects_of", "open_bucket"]
