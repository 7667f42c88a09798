"""Name the zstd functions of this Python: those of the standard library from 3.14, else those of backports.zstd."""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdFile, compress, decompress
else:
    from backports.zstd import ZstdFile, compress, decompress

__all__ = ["ZstdFile", "compress", "decompress"]
