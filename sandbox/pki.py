"""Keys and certificates of the cluster, made with the openssl program."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sandbox.console import output_of, succeeds
from sandbox.layout import API_SERVICE_ADDRESS, CLUSTER_DOMAIN, NODE_ADDRESS, NODE_NAME

DAYS = "3650"
RENEW_WITHIN_SECONDS = str(30 * 24 * 3600)
_API_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    f"kubernetes.default.svc.{CLUSTER_DOMAIN}",
)


@dataclass(frozen=True)
class Certificate:
    """One certificate: its subject says who it is to Kubernetes (CN the user, O the group)."""

    name: str
    authority: str
    common_name: str
    organization: str = ""
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The subject in openssl's notation."""
        organization = f"/O={self.organization}" if self.organization else ""
        return f"{organization}/CN={self.common_name}"

    @property
    def extensions(self) -> str:
        """The extensions as a section of openssl's configuration."""
        lines = [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            "extendedKeyUsage=serverAuth,clientAuth" if self._serves else "extendedKeyUsage=clientAuth",
        ]
        if self._serves:
            names = [f"DNS:{name}" for name in self.dns] + [f"IP:{address}" for address in self.addresses]
            lines.append(f"subjectAltName={','.join(names)}")
        return "\n".join(lines) + "\n"

    @property
    def _serves(self) -> bool:
        return bool(self.dns or self.addresses)


# etcd has an authority of its own: a certificate of the cluster's must not open its store.
AUTHORITIES = ("ca", "etcd-ca")
CERTIFICATES = (
    Certificate("etcd", "etcd-ca", "etcd", dns=("localhost",), addresses=("127.0.0.1",)),
    Certificate("etcd-client", "etcd-ca", "kube-apiserver"),
    Certificate(
        "kube-apiserver",
        "ca",
        "kube-apiserver",
        dns=_API_NAMES,
        addresses=("127.0.0.1", NODE_ADDRESS, API_SERVICE_ADDRESS),
    ),
    Certificate("kubelet-client", "ca", "biojobs:kube-apiserver", "system:masters"),
    Certificate("admin", "ca", "biojobs:admin", "system:masters"),
    Certificate("kube-controller-manager", "ca", "system:kube-controller-manager"),
    Certificate("kube-scheduler", "ca", "system:kube-scheduler"),
    Certificate("kube-proxy", "ca", "system:kube-proxy"),
    Certificate("coredns", "ca", "biojobs:coredns"),
    Certificate(
        "kubelet",
        "ca",
        f"system:node:{NODE_NAME}",
        "system:nodes",
        dns=(NODE_NAME, "localhost"),
        addresses=(NODE_ADDRESS, "127.0.0.1"),
    ),
)
SERVICE_ACCOUNT_KEY = "service-account"


def ensure(folder: Path) -> None:
    """Make what is missing or about to expire. Everything is made anew when an authority is."""
    if not all(_is_good(folder, name) for name in AUTHORITIES):
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in AUTHORITIES:
        if not _is_good(folder, name):
            _make_authority(folder, name)
    for certificate in CERTIFICATES:
        if not _is_good(folder, certificate.name):
            _make(folder, certificate)
    if not (folder / f"{SERVICE_ACCOUNT_KEY}.pub").exists():
        _make_service_account_key(folder)


def _is_good(folder: Path, name: str) -> bool:
    certificate = folder / f"{name}.crt"
    if not certificate.exists() or not (folder / f"{name}.key").exists():
        return False
    return succeeds(["openssl", "x509", "-in", certificate, "-noout", "-checkend", RENEW_WITHIN_SECONDS])


def _new_key(folder: Path, name: str) -> Path:
    key = folder / f"{name}.key"
    output_of(
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
    )
    key.chmod(0o600)
    return key


def _make_authority(folder: Path, name: str) -> None:
    key = _new_key(folder, name)
    config = folder / f"{name}.cnf"
    config.write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n"
        f"[dn]\nCN=biojobs {name}\n"
        "[ext]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,digitalSignature\n"
        "subjectKeyIdentifier=hash\n"
    )
    command = ["openssl", "req", "-x509", "-new", "-key", key, "-days", DAYS, "-config", config]
    _sign_into(folder, name, command)


def _make(folder: Path, certificate: Certificate) -> None:
    key = _new_key(folder, certificate.name)
    request = folder / f"{certificate.name}.csr"
    extensions = folder / f"{certificate.name}.ext"
    extensions.write_text(certificate.extensions)
    output_of(["openssl", "req", "-new", "-key", key, "-subj", certificate.subject, "-out", request])
    authority = folder / certificate.authority
    signer = ["-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial"]
    command = ["openssl", "x509", "-req", "-in", request, *signer, "-days", DAYS, "-extfile", extensions]
    _sign_into(folder, certificate.name, command)
    request.unlink()
    extensions.unlink()


def _sign_into(folder: Path, name: str, command: list[str | Path]) -> None:
    """Write beside and rename: an interrupted run must not leave half a certificate."""
    partial = folder / f".{name}.crt"
    output_of([*command, "-out", partial])
    partial.rename(folder / f"{name}.crt")


def _make_service_account_key(folder: Path) -> None:
    private, public = folder / f"{SERVICE_ACCOUNT_KEY}.key", folder / f"{SERVICE_ACCOUNT_KEY}.pub"
    output_of(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private])
    private.chmod(0o600)
    output_of(["openssl", "pkey", "-in", private, "-pubout", "-out", public])
