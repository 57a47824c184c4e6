"""Client kubeconfigs of the control plane's own authority."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox.control_plane.pki import Authority


def test_a_kubeconfig_names_user_and_groups_and_is_private(tmp_path: Path) -> None:
    path = _authority(tmp_path).kubeconfig(
        tmp_path / "user.kubeconfig", "https://one", "user", ["red", "blue"]
    )
    subject = _certificate(path).subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["user"]
    assert {name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)} == {
        "red",
        "blue",
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_signed_by_the_authority(tmp_path: Path) -> None:
    authority = _authority(tmp_path)
    path = authority.kubeconfig(tmp_path / "user.kubeconfig", "https://one", "user")
    issuer = x509.load_pem_x509_certificate(authority.certificate_file.read_bytes())
    _certificate(path).verify_directly_issued_by(issuer)


def test_again_it_keeps_the_certificate_and_follows_the_server(tmp_path: Path) -> None:
    authority = _authority(tmp_path)
    path = authority.kubeconfig(tmp_path / "user.kubeconfig", "https://one", "user")
    before = _certificate(path)
    authority.create()
    authority.kubeconfig(path, "https://two", "user")
    assert _certificate(path) == before
    assert json.loads(path.read_text())["clusters"][0]["cluster"]["server"] == "https://two"


def _authority(folder: Path) -> Authority:
    authority = Authority(folder / "pki")
    authority.create()
    return authority


def _certificate(kubeconfig: Path) -> x509.Certificate:
    user = json.loads(kubeconfig.read_text())["users"][0]["user"]
    return x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
