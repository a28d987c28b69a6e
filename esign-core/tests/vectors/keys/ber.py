"""Puts together the PKCS#12 files that no tool at hand writes; see make.sh."""
import hashlib
import hmac
import os


def read(data, at=0):
    """One encoding: tag, content, offset after it."""
    tag, n, at = data[at], data[at + 1], at + 2
    if n & 0x80:
        size = n & 0x7F
        n, at = int.from_bytes(data[at : at + size], "big"), at + size
    return tag, data[at : at + n], at + n


def elements(data):
    at, out = 0, []
    while at < len(data):
        tag, value, at = read(data, at)
        out.append((tag, value))
    return out


def tlv(tag, value):
    n = len(value)
    size = (n.bit_length() + 7) // 8
    head = bytes([n]) if n < 128 else bytes([0x80 | size]) + n.to_bytes(size, "big")
    return bytes([tag]) + head + value


def indefinite(tag, value):
    """Constructed ones with indefinite lengths, OCTET STRINGs in pieces of 100 octets."""
    if tag in (0x04, 0x80):
        pieces = [value[i : i + 100] for i in range(0, len(value), 100)]
        return bytes([tag | 0x20, 0x80]) + b"".join(tlv(4, p) for p in pieces) + b"\0\0"
    if tag & 0x20:
        inner = b"".join(indefinite(t, v) for t, v in elements(value))
        return bytes([tag, 0x80]) + inner + b"\0\0"
    return tlv(tag, value)


def parts(name):
    (_, pfx), = elements(open(name, "rb").read())
    version, info = elements(pfx)[:2]
    content = elements(info[1])[1][1]
    return version, elements(content)[0][1]


def pfx(version, safe, mac, outer):
    oid = tlv(6, bytes.fromhex("2a864886f70d010701"))
    info = [(6, oid[2:]), (0xA0, tlv(4, safe))]
    body = [version, (0x30, b"".join(tlv(*e) for e in info))] + mac
    return outer(0x30, b"".join(tlv(*e) for e in body))


version, safe = parts("p256.nomac.p12")
(_, safe_content), = elements(safe)
open("p256.ber.p12", "wb").write(
    pfx(version, indefinite(0x30, safe_content), [], indefinite)
)

# PBMAC1 (RFC 9579): PBKDF2-HMAC-SHA-256, 32 octets, HMAC-SHA-256 over the AuthenticatedSafe.
for name, digest, oid in (("sha256", "sha256", "09"), ("sha512", "sha512", "0b")):
    prf = tlv(0x30, tlv(6, bytes.fromhex("2a864886f70d02" + oid)) + b"\5\0")
    salt = os.urandom(8)
    length = hashlib.new(digest).digest_size
    kdf = tlv(4, salt) + tlv(2, (2048).to_bytes(2, "big")) + tlv(2, bytes([length])) + prf
    kdf = tlv(0x30, tlv(6, bytes.fromhex("2a864886f70d01050c")) + tlv(0x30, kdf))
    pbmac1 = tlv(0x30, tlv(6, bytes.fromhex("2a864886f70d01050e")) + tlv(0x30, kdf + prf))
    password = open("passphrase.txt", encoding="utf-8").read().strip().encode()
    key = hashlib.pbkdf2_hmac(digest, password, salt, 2048, length)
    mac = pbmac1 + tlv(4, hmac.new(key, safe, digest).digest())
    # RFC 9579 5: salt and iterations of MacData are not used.
    mac_data = tlv(0x30, mac) + tlv(4, b"NOT USED") + tlv(2, b"\1")
    out = pfx(version, safe, [(0x30, mac_data)], tlv)
    open(f"p256.pbmac1-{name}.p12", "wb").write(out)
