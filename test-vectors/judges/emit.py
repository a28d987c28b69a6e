"""Foreign signatures for our own verification; see `emit`."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from asn1crypto import cms
from pyhanko import keys
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.version import __version__ as PYHANKO
from pyhanko_certvalidator.registry import SimpleCertificateStore

from pki import LEAVES, Pki

split = sys.argv.index("--")
DSS = sys.argv[split + 1:]
OUT = Path(sys.argv[1])
SMALL = "--small" in sys.argv[:split]
PDFS = Path(__file__).resolve().parent.parent / "pdf"
AT = "2027-01-01T00:00:00Z"
GOOD = [name for name in LEAVES if name != "revoked"]

OUT.mkdir(parents=True, exist_ok=True)
pki = Pki.make(OUT / "pki")
content = OUT / "content.txt"
content.write_text("Təhsil haqqında arayış № 17\nə Ə ğ ı İ ö ş ç ü\n", encoding="utf-8")
rows = []


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"emit: {' '.join(map(str, command))}: {done.stderr.strip()}")


def row(name, tool, expected="passed", integrity="intact", signatures=1, detached=False, why=None, kind=None):
    rows.append({
        "file": name,
        "format": kind or ("pades" if name.endswith(".pdf") else "cades"),
        "content": content.name if detached else None,
        "made_by": tool,
        "trust": ["pki/root.pem"],
        "intermediates": ["pki/issuing.pem"],
        "crls": ["pki/crls.pem"],
        "at": AT,
        "signatures": signatures,
        "expected": expected,
        "integrity": integrity,
        "why": why,
    })


def tampered(name, tool, mutate, why, detached=False, signatures=1, source=None, suffix="tampered"):
    """A copy with one change; `mutate` takes and gives a bytearray."""
    stem, dot, extension = name.rpartition(".")
    target = f"{stem}.{suffix}{dot}{extension}"
    data = bytearray((OUT / name).read_bytes())
    before = bytes(data)
    mutate(data)
    assert bytes(data) != before, f"{target} was not changed"
    (OUT / target).write_bytes(data)
    row(target, tool, "failed", "broken", signatures, detached, why)


def flip_content(data):
    data[bytes(data).index("haqq".encode())] ^= 1


def flip_signature(data):
    """Changes the signature value of the first signer, wherever it stands in the file."""
    value = cms.ContentInfo.load(bytes(data))["content"]["signer_infos"][0]["signature"].native
    # Near the end, so that an ECDSA value stays a well-formed SEQUENCE of INTEGERs.
    data[bytes(data).index(value) + len(value) - 1] ^= 1


def flip_signed_attribute(data):
    """Changes the messageDigest inside the signed attributes."""
    for attribute in cms.ContentInfo.load(bytes(data))["content"]["signer_infos"][0]["signed_attrs"]:
        if attribute["type"].native == "message_digest":
            digest = attribute["values"][0].native
            data[bytes(data).index(digest)] ^= 1
            return
    raise AssertionError("no messageDigest")


# --- OpenSSL ------------------------------------------------------------------------------------------------
def openssl(name, leaves, *options):
    command = ["openssl", "cms", "-sign", "-cades", "-binary", "-in", content, "-outform", "DER", "-out", OUT / name]
    for leaf in leaves:
        command += ["-signer", pki.cert_file(leaf), "-inkey", pki.key_file(leaf)]
    run(*command, "-certfile", pki.cert_file("issuing"), *options)


TOOL = "OpenSSL " + subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()[1]
digest = {"p384": "sha384", "p521": "sha512", "ed25519": "sha512"}
# OpenSSL 3.0 cannot sign CMS with Ed25519 (RFC 8419): "eddsa_digest_signverify_init:invalid digest".
for leaf in ["p256"] if SMALL else [leaf for leaf in GOOD if leaf != "ed25519"]:
    name = f"openssl-detached-{leaf}.p7s"
    openssl(name, [leaf], "-md", digest.get(leaf, "sha256"))
    row(name, TOOL, detached=True)
    tampered(name, TOOL, flip_signature, "signature value changed", detached=True)
    name = f"openssl-enveloping-{leaf}.p7m"
    openssl(name, [leaf], "-nodetach", "-md", digest.get(leaf, "sha256"))
    row(name, TOOL)
    tampered(name, TOOL, flip_content, "content changed")
openssl("openssl-ber.p7m", ["p256"], "-nodetach", "-stream")
row("openssl-ber.p7m", TOOL)
tampered("openssl-ber.p7m", TOOL, flip_content, "content changed")
several = ["p256", "rsa2048"] if SMALL else ["p256", "rsa3072", "p384"]
openssl("openssl-several.p7m", several, "-nodetach")
row("openssl-several.p7m", TOOL, signatures=len(several))
tampered("openssl-several.p7m", TOOL, flip_signature, "first signer's value changed", signatures=len(several))
if not SMALL:
    openssl("openssl-pss.p7s", ["rsa3072"], "-keyopt", "rsa_padding_mode:pss")
    row("openssl-pss.p7s", TOOL, detached=True)
    tampered("openssl-pss.p7s", TOOL, flip_signature, "signature value changed", detached=True)
openssl("openssl-revoked.p7s", ["revoked"])
row("openssl-revoked.p7s", TOOL, "not passed", "intact", detached=True, why="signing certificate revoked")
run("openssl", "cms", "-sign", "-noattr", "-binary", "-nodetach", "-in", content, "-outform", "DER", "-signer",
    pki.cert_file("p256"), "-inkey", pki.key_file("p256"), "-certfile", pki.cert_file("issuing"),
    "-out", OUT / "openssl-noattr.p7m")
# CMS as such allows it; EN 319 122-1 §6.3 demands content-type, message-digest and the signing certificate.
row("openssl-noattr.p7m", TOOL, "failed", None, why="no signed attributes")


# --- pyHanko ------------------------------------------------------------------------------------------------
def signer(leaf):
    store = SimpleCertificateStore()
    store.register_multiple(keys.load_certs_from_pemder([str(pki.cert_file("issuing"))]))
    return signers.SimpleSigner(
        signing_cert=keys.load_cert_from_pemder(str(pki.cert_file(leaf))),
        signing_key=keys.load_private_key_from_pemder(str(pki.key_file(leaf)), None),
        cert_registry=store,
    )


def pyhanko(source, name, leaf="p256", **metadata):
    with open(source, "rb") as file, open(OUT / name, "wb") as out:
        signers.PdfSigner(
            signers.PdfSignatureMetadata(
                subfilter=fields.SigSeedSubFilter.PADES,
                md_algorithm=digest.get(leaf, "sha256"), **metadata),
            signer=signer(leaf),
        ).sign_pdf(IncrementalPdfFileWriter(file), output=out)


def flip_page(data):
    """Changes a number of a page's box: what a reader shows, covered by every signature."""
    at = re.search(rb"/MediaBox *\[ *0 0 (\d)", bytes(data)).start(1)
    data[at] = ord("1") if data[at] != ord("1") else ord("2")


TOOL = f"pyHanko {PYHANKO}"
base = PDFS / "ghostscript.pdf"
for leaf in ["p256"] if SMALL else GOOD:
    name = f"pyhanko-{leaf}.pdf"
    pyhanko(base, name, leaf, field_name="Signature1", reason="Təsdiq", location="Bakı")
    row(name, TOOL)
    tampered(name, TOOL, flip_page, "page changed")
pyhanko(OUT / "pyhanko-p256.pdf", "pyhanko-two.pdf", "rsa2048", field_name="Signature2")
row("pyhanko-two.pdf", TOOL, signatures=2)
tampered("pyhanko-two.pdf", TOOL, flip_page, "page changed", signatures=2)
if not SMALL:
    pyhanko(PDFS / "form-signature-fields.pdf", "pyhanko-existing-field.pdf", field_name="İmza1")
    row("pyhanko-existing-field.pdf", TOOL)
    pyhanko(PDFS / "qpdf-object-streams.pdf", "pyhanko-xref-stream.pdf", field_name="Signature1")
    row("pyhanko-xref-stream.pdf", TOOL)
    pyhanko(base, "pyhanko-revoked.pdf", "revoked", field_name="Signature1")
    row("pyhanko-revoked.pdf", TOOL, "not passed", why="signing certificate revoked")
    for number, permission in enumerate(
            [fields.MDPPerm.NO_CHANGES, fields.MDPPerm.FILL_FORMS, fields.MDPPerm.ANNOTATE], 1):
        name = f"pyhanko-certified-p{number}.pdf"
        pyhanko(base, name, field_name="Signature1", certify=True, docmdp_permissions=permission)
        row(name, TOOL)
        tampered(name, TOOL, flip_page, "page changed")


# --- EU DSS -------------------------------------------------------------------------------------------------
def dss(name, source, leaf="p256", *options):
    run(*DSS, "sign", "--key", pki.key_file(leaf), "--cert", pki.cert_file(leaf),
        "--chain", pki.cert_file("issuing"), *options, source, OUT / name)


TOOL = "EU DSS " + re.search(r"<dss.version>(.*?)<", (Path(__file__).parent / "dss/pom.xml").read_text())[1]
for leaf in ["p256"] if SMALL else GOOD:
    name = f"dss-detached-{leaf}.p7s"
    dss(name, content, leaf)
    row(name, TOOL, detached=True)
    tampered(name, TOOL, flip_signed_attribute, "message digest changed", detached=True)
dss("dss-enveloping.p7m", content, "p256", "--packaging", "enveloping")
row("dss-enveloping.p7m", TOOL)
tampered("dss-enveloping.p7m", TOOL, flip_content, "content changed")
dss("dss-parallel.p7m", OUT / "dss-enveloping.p7m", "rsa2048", "--packaging", "enveloping")
row("dss-parallel.p7m", TOOL, signatures=2)
tampered("dss-parallel.p7m", TOOL, flip_content, "content changed", signatures=2)
dss("dss-pades.pdf", base, "p256", "--format", "pades")
row("dss-pades.pdf", TOOL)
tampered("dss-pades.pdf", TOOL, flip_page, "page changed")

# A detached signature beside other content.
other = OUT / "other.txt"
other.write_bytes(content.read_bytes().replace(b"17", b"18"))
shutil.copy(OUT / "openssl-detached-p256.p7s", OUT / "openssl-other-content.p7s")
row("openssl-other-content.p7s", TOOL, "failed", "broken", detached=True, why="beside other content")
rows[-1]["content"] = other.name

if SMALL:
    for key in (OUT / "pki").glob("*.key.pem"):
        key.unlink()
    for cert in (OUT / "pki").glob("*.pem"):
        if cert.name not in ("root.pem", "issuing.pem", "crls.pem"):
            cert.unlink()
rows.sort(key=lambda entry: entry["file"])
(OUT / "manifest.json").write_text(
    json.dumps({"made_by": "../judges/emit", "files": rows}, indent=1, ensure_ascii=False) + "\n")
