#!/usr/bin/env python3
"""Makes ML-DSA keys and signatures with OpenSSL 4, by the Python package cryptography (48)."""
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat)

for size, kind in ((44, mldsa.MLDSA44PrivateKey), (65, mldsa.MLDSA65PrivateKey), (87, mldsa.MLDSA87PrivateKey)):
    key = kind.generate()
    def write(name, octets):
        with open(f"mldsa{size}.{name}", "wb") as file:
            file.write(octets)
    write("pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write("locked.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"Qanun")))
    write("pub.der", key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    write("sig", key.sign(b"Qanun"))
    write("context.sig", key.sign(b"Qanun", b"context"))
