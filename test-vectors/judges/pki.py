"""A small test PKI with the `cryptography` package: root, issuing CA, one leaf per algorithm, CRLs.

Everything is valid from 2026-01-01 for thirty years, the CRLs' nextUpdate included, so that committed
fixtures stay checkable with a fixed validation time.
"""

import secrets
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

NOT_BEFORE = datetime(2026, 1, 1, tzinfo=timezone.utc)
NOT_AFTER = NOT_BEFORE + timedelta(days=365 * 30)

MAKERS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "revoked": lambda: ec.generate_private_key(ec.SECP256R1()),
}
LEAVES = ("p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072", "revoked")


class Pki:
    """A folder with NAME.pem certificates, NAME.key.pem keys, root.crl.pem, issuing.crl.pem, crls.pem."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def cert_file(self, name):
        return self.folder / f"{name}.pem"

    def key_file(self, name):
        return self.folder / f"{name}.key.pem"

    @classmethod
    def make(cls, folder, keys=LEAVES):
        self = cls(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        # Two of these PKIs may meet in one judge: NSS refuses a second certificate of the same issuer and serial.
        self.label = secrets.token_hex(3)
        root_key, root = self._issue("root", MAKERS["p384"](), None, ca=1)
        ca_key, ca = self._issue("issuing", MAKERS["p256"](), (root_key, root), ca=0)
        revoked = []
        for name in keys:
            _, cert = self._issue(name, MAKERS[name](), (ca_key, ca), ca=None)
            if name == "revoked":
                revoked.append(cert.serial_number)
        crls = self._crl("root", root_key, root, []) + self._crl("issuing", ca_key, ca, revoked)
        (self.folder / "crls.pem").write_bytes(crls)
        return self

    def _issue(self, name, key, issuer, ca):
        subject = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "AZ"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sınaq"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"SINAQ {self.label} {name}"),
        ])
        issuer_key, issuer_cert = issuer or (key, None)
        issuer_name = issuer_cert.subject if issuer_cert else subject
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(NOT_BEFORE).not_valid_after(NOT_AFTER)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
        )
        is_ca = ca is not None
        if is_ca:
            builder = builder.add_extension(x509.BasicConstraints(True, ca), True)
        builder = builder.add_extension(x509.KeyUsage(
            digital_signature=not is_ca, content_commitment=not is_ca, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=is_ca, crl_sign=is_ca,
            encipher_only=False, decipher_only=False), True)
        cert = builder.sign(issuer_key, hashes.SHA384() if issuer_name == subject else hashes.SHA256())
        self.cert_file(name).write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        self.key_file(name).write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return key, cert

    def _crl(self, name, key, cert, revoked):
        builder = (
            x509.CertificateRevocationListBuilder().issuer_name(cert.subject)
            .last_update(NOT_BEFORE).next_update(NOT_AFTER)
            .add_extension(x509.CRLNumber(1), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
        )
        for serial in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOT_BEFORE).build())
        pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        (self.folder / f"{name}.crl.pem").write_bytes(pem)
        return pem
