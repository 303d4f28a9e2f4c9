"""Choose the certificate authorities that servers are trusted by.

The layer has the public ones as a folder that OpenSSL looks one up in by its name's hash (OpenSSL: SSL_CTX_load_verify_dir).
To read all of them from one file takes 16 ms of a processor and 1.1 MB, for the one that a sink's certificate names.
"""

import os
import ssl
import sys
from collections.abc import Mapping

AUTHORITIES = "authorities"
"""The folder, beside the layer's dependencies. Where the package runs without a layer, certifi's file is read."""


def trust(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Trust the authorities that OpenSSL's variables name, or else the public ones.

    Raises:
        OSError: the file or the folder cannot be read.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not folder:
        public = public_authorities()
        if public:
            return ssl.create_default_context(capath=public)
        import certifi

        return ssl.create_default_context(cafile=certifi.where())
    context = ssl.create_default_context(cafile=file or None, capath=folder or None)
    # Python 3.13 began to demand extensions that many private authorities lack, such as key usage.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def public_authorities() -> str:
    """Return the folder of the public authorities; empty where there is none."""
    folders = (f"{entry}/{AUTHORITIES}" for entry in sys.path)
    return next((folder for folder in folders if os.path.isdir(folder)), "")  # noqa: PTH112 - pathlib takes a millisecond
