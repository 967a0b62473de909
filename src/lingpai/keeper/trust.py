"""The certificate authorities that are trusted where an operator names others than the system's."""

import functools
import ssl


@functools.lru_cache(maxsize=64)
def trusting(ca_bundle: str) -> ssl.SSLContext:
    """Return what trusts the certificate authorities of a file, and no others.

    Raises:
        OSError: the file cannot be read, or has no certificate in it.
    """
    return ssl.create_default_context(cafile=ca_bundle)
