"""Second reader of codes and visible seals: shares no line with the library.

Written from the format alone, so that a mistake of ours that is in both our writer and our reader shows here.
"""
import hashlib
import hmac
import sys
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVXYZ"
GENERATOR = (1, 4, 7, 11, 25)  # (x - 3)(x - 9)(x - 27)(x - 19) over GF(31)


# ---- the typed code ----

def check_symbols(version, data):
    """Remainder p of v x^20 + d0 x^19 + ... + d15 x^4, negated so that the whole is divisible."""
    rest = [version, *data, 0, 0, 0, 0]
    for i in range(17):
        lead = rest[i]
        for j, g in enumerate(GENERATOR):
            rest[i + j] = (rest[i + j] - lead * g) % 31
    return [-r % 31 for r in rest[17:]]


def syndromes(version, symbols):
    out = []
    for l in range(1, 5):
        x, s = pow(3, l, 31), 0
        for d in (version, *symbols):
            s = (s * x + d) % 31
        out.append(s)
    return out


def show(version, data):
    text = "".join(ALPHABET[d] for d in (*data, *check_symbols(version, data)))
    return "-".join(text[i:i + 4] for i in range(0, 20, 4))


def data_of_record(version, record):
    n = int.from_bytes(hashlib.sha256(b"esign-code/1/code\0" + bytes([version]) + record).digest(), "big") % 31**16
    return [n // 31**(15 - i) % 31 for i in range(16)]


def expand(prk, info, length):
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out, i = out + block, i + 1
    return out[:length]


def prk(version, data):
    ikm = bytes([version]) + "".join(ALPHABET[d] for d in data).encode()
    return hmac.new(b"esign-code/1", ikm, hashlib.sha256).digest()


def locator(version, data):
    return expand(prk(version, data), b"locator", 16)


def box_key(version, data, salt):
    okm = expand(prk(version, data), b"seal" + salt, 44)
    return okm[:32], okm[32:]


def record_digest(record):
    return hashlib.sha256(b"esign-code/1/record\0" + record).digest()


# ---- deterministic CBOR (RFC 8949, 4.2), the part in use ----

def head(major, n):
    for size, info in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError("number too large")


def encode(x):
    if x is None:
        return b"\xf6"
    if isinstance(x, int):
        return head(0, x) if x >= 0 else head(1, -1 - x)
    if isinstance(x, bytes):
        return head(2, len(x)) + x
    if isinstance(x, str):
        return head(3, len(x.encode())) + x.encode()
    if isinstance(x, list):
        return head(4, len(x)) + b"".join(map(encode, x))
    pairs = sorted((encode(k), encode(v)) for k, v in x.items())
    return head(5, len(pairs)) + b"".join(k + v for k, v in pairs)


def decode(octets):
    value, end = _item(octets, 0, 0)
    if end != len(octets):
        raise ValueError("octets after the item")
    if encode(value) != octets:
        raise ValueError("not deterministic")
    return value


def _item(b, at, depth):
    if depth > 4:
        raise ValueError("nested too deep")
    if at >= len(b):
        raise ValueError("cut short")
    major, n, at = b[at] >> 5, b[at] & 31, at + 1
    if major == 7:
        if n != 22:
            raise ValueError("simple value other than null")
        return None, at
    if n > 27:
        raise ValueError("indefinite length")
    if n >= 24:
        size = 1 << n - 24
        n = int.from_bytes(b[at:at + size], "big")
        at += size
    if major < 2:
        return (n if major == 0 else -1 - n), at
    if n > len(b) - at:
        raise ValueError("cut short")
    if major in (2, 3):
        raw = b[at:at + n]
        return (bytes(raw) if major == 2 else raw.decode()), at + n
    if major == 4:
        out = []
        for _ in range(n):
            v, at = _item(b, at, depth + 1)
            out.append(v)
        return out, at
    if major == 5:
        out = {}
        for _ in range(n):
            k, at = _item(b, at, depth + 1)
            v, at = _item(b, at, depth + 1)
            if type(k) is not int or k in out:
                raise ValueError("key is no number, or comes twice")
            out[k] = v
        return out, at
    raise ValueError("tagged")


# ---- record and visible seal ----

def read_record(octets):
    v = decode(octets)
    if not isinstance(v, list) or len(v) != 7:
        raise ValueError("record is not an array of 7")
    _, _, _, issued, expires, fields, blind = v
    if type(issued) is not int or not (expires is None or type(expires) is int):
        raise ValueError("times")
    if not isinstance(fields, list) or any(not isinstance(f, str) or unicodedata.normalize("NFC", f) != f
                                           for f in fields):
        raise ValueError("fields are not NFC text")
    if not isinstance(blind, bytes) or len(blind) != 16:
        raise ValueError("blind is not 16 octets")
    return v


def to_be_signed(protected, record):
    return encode(["Signature1", protected, b"esign-code/1/seal", record])


def read_seal(octets, spki):
    """Record octets of a seal whose ES256 signature holds under `spki` (DER), else ValueError."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    v = decode(octets)
    if not isinstance(v, list) or len(v) != 4 or v[1] != {} or [type(i) for i in v] != [bytes, dict, bytes, bytes]:
        raise ValueError("not an untagged COSE_Sign1 with an empty unprotected header")
    protected, _, record, signature = v
    if decode(protected) != {1: -7, 4: hashlib.sha256(spki).digest()[:8]}:
        raise ValueError("protected header")
    if len(signature) != 64:
        raise ValueError("signature is not 64 octets")
    read_record(record)
    der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        serialization.load_der_public_key(spki).verify(der, to_be_signed(protected, record), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ValueError("signature") from None
    return record


# ---- QR text ----

TAIL = (0, 3, 5, 8, 10, 13, 15, 17)


def digits(octets):
    """7 octets become 17 decimal digits, a tail of 1...6 becomes 3, 5, 8, 10, 13, 15."""
    parts = (octets[i:i + 7] for i in range(0, len(octets), 7))
    return "".join(str(int.from_bytes(p, "big")).zfill(TAIL[len(p)]) for p in parts)


def octets_of_digits(text):
    out = b""
    if not (text.isascii() and (text.isdigit() or not text)):
        raise ValueError("not digits")
    for i in range(0, len(text), 17):
        part = text[i:i + 17]
        if len(part) not in TAIL:
            raise ValueError("no such tail")
        size, n = TAIL.index(len(part)), int(part)
        if n >> 8 * size:
            raise ValueError("number too large for its octets")
        out += n.to_bytes(size, "big")
    return out


BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def base45(octets):
    """RFC 9285."""
    out = ""
    for i in range(0, len(octets), 2):
        p = octets[i:i + 2]
        n = int.from_bytes(p, "big")
        out += BASE45[n % 45] + BASE45[n // 45 % 45] + (BASE45[n // 2025] if len(p) == 2 else "")
    return out


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: reader.py SEAL SPKI.der")
    with open(sys.argv[1], "rb") as f, open(sys.argv[2], "rb") as g:
        rec = read_seal(f.read(), g.read())
    print(read_record(rec))
    print(show(0, data_of_record(0, rec)))
