"""Certificates of the corpora, wherever they stand in a file: on their own, in PEM, in CMS, PDF, XML, JSON, ZIP."""

import base64
import io
import json
import re
import zipfile
import zlib
from pathlib import Path

# More than any certificate of the corpora; what is larger is no certificate but what holds some.
MAX_CERTIFICATE = 1 << 16
BASE64 = re.compile(rb"[A-Za-z0-9+/_\-\s]{400,}={0,2}")
HEX = re.compile(rb"<([0-9A-Fa-f\s]{400,})>")
STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.S)
PEM = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END", re.S)


def header(octets, at):
    """Tag, start of the value and its end, or None."""
    if at + 2 > len(octets):
        return None
    tag, length, start = octets[at], octets[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 3 or start + count > len(octets):
            return None
        length = int.from_bytes(octets[start:start + count], "big")
        start += count
    return (tag, start, start + length) if start + length <= len(octets) else None


def children(octets, start, end):
    tags = []
    while start < end:
        one = header(octets, start)
        if one is None or one[2] > end:
            return None
        tags.append(one)
        start = one[2]
    return tags


def certificate_at(octets, at):
    """The certificate that begins here: told by its shape alone, so that a broken one is found as well."""
    outer = header(octets, at)
    if outer is None or outer[0] != 0x30 or outer[2] - at > MAX_CERTIFICATE:
        return None
    parts = children(octets, outer[1], outer[2])
    if not parts or [p[0] for p in parts] != [0x30, 0x30, 0x03]:
        return None
    fields = children(octets, parts[0][1], parts[0][2])
    if not fields:
        return None
    tags = [f[0] for f in fields]
    if tags[0] == 0xA0:
        tags = tags[1:]
        fields = fields[1:]
    if tags[:6] != [0x02, 0x30, 0x30, 0x30, 0x30, 0x30]:
        return None
    times = children(octets, fields[3][1], fields[3][2])
    if not times or len(times) != 2 or any(t[0] not in (0x17, 0x18) for t in times):
        return None
    return octets[at:outer[2]]


def in_octets(octets):
    """Every certificate that stands in these octets as it is."""
    at = octets.find(b"\x30")
    while at != -1:
        found = certificate_at(octets, at)
        if found:
            yield found
            at += len(found) - 1
        at = octets.find(b"\x30", at + 1)


def decoded(text):
    try:
        return base64.b64decode(re.sub(rb"\s", b"", text).replace(b"-", b"+").replace(b"_", b"/") + b"==")
    except ValueError:
        return b""


def in_file(octets, depth=0):
    if octets[:2] == b"PK" and depth < 3:
        try:
            with zipfile.ZipFile(io.BytesIO(octets)) as z:
                for name in z.namelist():
                    yield from in_file(z.read(name), depth + 1)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error):
            pass
    blobs = [octets]
    blobs += [decoded(m[1]) for m in PEM.finditer(octets)]
    if octets[:5] == b"%PDF-":
        blobs += [bytes.fromhex(m[1].decode()) for m in HEX.finditer(octets) if len(re.sub(rb"\s", b"", m[1])) % 2 == 0]
        for m in STREAM.finditer(octets):
            try:
                blobs.append(zlib.decompressobj().decompress(m[1], 1 << 22))
            except zlib.error:
                continue
    elif octets[:1] != b"\x30":
        blobs += [decoded(m[0]) for m in BASE64.finditer(octets)]
    for blob in blobs:
        yield from in_octets(blob)


def corpora(folder, own):
    """Corpus name and certificate, each certificate once, in a fixed order."""
    seen = set()
    folder = Path(folder)

    def fresh(name, found):
        for der in found:
            if der not in seen:
                seen.add(der)
                yield name, der

    for path in sorted((folder / "pkits/certs").iterdir()):
        yield from fresh("pkits", in_file(path.read_bytes()))
    limbo = json.loads((folder / "x509-limbo/limbo-nonweb.json").read_text())
    for case in limbo["testcases"]:
        for pem in case["trusted_certs"] + case["untrusted_intermediates"] + [case["peer_certificate"]]:
            yield from fresh("limbo", in_file(pem.encode()))
    for path in sorted(p for p in (folder / "ades").rglob("*") if p.is_file()):
        yield from fresh("ades", in_file(path.read_bytes()))
    for place in own:
        for path in sorted(p for p in Path(place).rglob("*") if p.is_file()):
            yield from fresh("own", in_file(path.read_bytes()))
