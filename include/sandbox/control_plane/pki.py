"""The control plane's own certificate authority, and kubeconfigs for its clients."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.state import write_private

_LIFETIME = timedelta(days=3650)
_CLOCK_SKEW = timedelta(minutes=5)


class Authority:
    """A certificate authority kept in a folder; made there when it is used for the first time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate_file = folder / "ca.crt"
        self.server_certificate = folder / "apiserver.crt"
        self.server_key = folder / "apiserver.key"
        self.service_account_key = folder / "service-accounts.key"
        self.service_account_public_key = folder / "service-accounts.pub"

    def create(self) -> None:
        """Makes the authority, the server certificate and the service account keys unless they exist."""
        if self.service_account_public_key.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("groundwork-sandbox")
        certificate = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        write_private(self._key_file, _key_text(key))
        write_private(self.certificate_file, _certificate_text(certificate))
        self._create_server_certificate()
        self._create_service_account_keys()

    def kubeconfig(self, path: Path, server: str, user: str, groups: Sequence[str] = ()) -> Path:
        """Writes a kubeconfig (mode 0600) with a client certificate for `user`, a member of `groups`.

        A kubeconfig that is there keeps its certificate; only the server's address is brought up to date.
        """
        config = json.loads(path.read_text()) if path.exists() else self._new_kubeconfig(user, groups)
        config["clusters"][0]["cluster"]["server"] = server
        write_private(path, json.dumps(config, indent=1))
        return path

    def client_context(self, kubeconfig: Path) -> ssl.SSLContext:
        """A TLS context that trusts this authority and signs in with the kubeconfig's client certificate."""
        user = json.loads(kubeconfig.read_text())["users"][0]["user"]
        context = ssl.create_default_context(cafile=str(self.certificate_file))
        with NamedTemporaryFile() as pair:
            for entry in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[entry]))
            pair.flush()
            context.load_cert_chain(pair.name)
        return context

    def _new_kubeconfig(self, user: str, groups: Sequence[str]) -> dict[str, Any]:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = self._sign(_builder(_name(user, groups), self._issuer, key).add_extension(usage, False))
        credentials = {
            "client-certificate-data": _encode(_certificate_text(certificate)),
            "client-key-data": _encode(_key_text(key)),
        }
        cluster = {"certificate-authority-data": _encode(self.certificate_file.read_text())}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
            "current-context": "sandbox",
        }

    def _create_server_certificate(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [
                x509.DNSName("localhost"),
                x509.DNSName("kubernetes.default.svc"),
                x509.IPAddress(ip_address("127.0.0.1")),
                x509.IPAddress(ip_address("10.0.0.1")),  # the API server's own Service in the cluster
            ]
        )
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = _builder(_name("kube-apiserver"), self._issuer, key).add_extension(names, False)
        write_private(self.server_key, _key_text(key))
        write_private(
            self.server_certificate, _certificate_text(self._sign(builder.add_extension(usage, False)))
        )

    def _create_service_account_keys(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(self.service_account_key, _key_text(key))
        write_private(self.service_account_public_key, public.decode())

    @property
    def _key_file(self) -> Path:
        return self._folder / "ca.key"

    @property
    def _issuer(self) -> x509.Name:
        return x509.load_pem_x509_certificate(self.certificate_file.read_bytes()).subject

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._key_file} does not hold an elliptic curve key")
        return builder.sign(key, hashes.SHA256())


def _name(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    """Kubernetes reads the common name as the user and each organization as a group."""
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in organizations]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
    )


def _key_text(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _certificate_text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
