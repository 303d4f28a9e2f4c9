"""The authorities that servers are trusted by."""

import ssl
import sys
from pathlib import Path

import certifi
import pytest

from extension.transport.trust import public_authorities, trust
from layer.authorities import FOLDER, write_authorities


def test_layer_s_folder_is_looked_into_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies beside the dependencies, which are on the path. One authority is read when a certificate names it."""
    write_authorities(Path(certifi.where()), tmp_path / FOLDER)
    monkeypatch.setattr(sys, "path", ["/nowhere", str(tmp_path)])

    context = trust({})

    assert public_authorities() == str(tmp_path / FOLDER)
    assert context.get_ca_certs() == []
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_certifi_s_file_is_read_where_there_is_no_layer() -> None:
    """As from a checkout: the same authorities, all at once."""
    assert public_authorities() == ""
    assert len(trust({}).get_ca_certs()) > 50
