"""Writes code.json and seal.json. Deterministic: fixed key (RFC 6979 A.2.5), RFC 6979 signatures, fixed blinds."""
import hashlib
import json
import pathlib
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
import reader as r

HERE = pathlib.Path(__file__).parent
D = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
KEY = ec.derive_private_key(D, ec.SECP256R1())
SPKI = KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def sign(record):
    protected = r.encode({1: -7, 4: hashlib.sha256(SPKI).digest()[:8]})
    der = KEY.sign(r.to_be_signed(protected, record), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    a, b = utils.decode_dss_signature(der)
    return protected, r.encode([protected, {}, record, a.to_bytes(32, "big") + b.to_bytes(32, "big")])


def pad(plain):
    return plain + bytes(-len(plain) % 512)


FIELDS = [
    ["Əliyev Məmməd Həsən oğlu", "5AB1C2D", "Yaşayış yeri haqqında arayış", "Bakı şəh., Nizami küç. 12", "12.03.2026", "AR-2026/004512"],
    ["İsmayılova Gülşən Çingiz qızı", "7XK9P3M", "Ailə üzvləri haqqında çıxarış", "Gəncə şəh., Şah İsmayıl Xətai pr. 45, m. 18", "01.09.2026", "ÇX-2026/118034"],
    ["\"Xəzər Tikinti\" MMC", "1234567891", "Fəaliyyət növü üzrə icazə", "Sumqayıt", "15.11.2026", "İC-77"],
    [""],
]
codes = []
for v in (0, 1, 2):
    for data in (list(range(16)), [0] * 16, [30] * 16, [0] * 15 + [1], [1] + [0] * 15):
        codes.append({"version": v, "data": data, "code": r.show(v, data), "prk": r.prk(v, data).hex(),
                      "locator": r.locator(v, data).hex()})
seals = []
for n, fields in enumerate(FIELDS):
    for v in (0, 1):
        rec = r.encode([n + 1, 1, 1000 + n, 1773300000 + n, None if n % 2 else 1804836000, fields,
                        bytes(range(16 * n, 16 * n + 16))])
        data, salt, f = r.data_of_record(v, rec), bytes(range(200, 216)), hashlib.sha256(b"file %d" % n).digest()
        protected, seal = sign(rec)
        assert r.read_seal(seal, SPKI) == rec and r.octets_of_digits(r.digits(seal)) == seal
        key, nonce = r.box_key(v, data, salt)
        locator = r.locator(v, data)
        seals.append({
            "version": v, "record": rec.hex(), "record_digest": r.record_digest(rec).hex(), "code": r.show(v, data),
            "to_be_signed": r.to_be_signed(protected, rec).hex(), "seal": seal.hex(), "locator": locator.hex(),
            "salt": salt.hex(), "file_digest": f.hex(),
            "box": AESGCM(key).encrypt(nonce, pad(r.encode([seal, f])), locator).hex(),
            "digits": r.digits(seal), "base45": r.base45(seal), "seal_octets": len(seal)})
for name, value in (("code", {"codes": codes}), ("seal", {"spki": SPKI.hex(), "seals": seals})):
    (HERE / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
# Every bit of every octet of a seal, flipped alone: none may be accepted.
seal, tried = bytes.fromhex(seals[0]["seal"]), 0
for i in range(len(seal)):
    for bit in range(8):
        bad = bytearray(seal)
        bad[i] ^= 1 << bit
        try:
            r.read_seal(bytes(bad), SPKI)
        except ValueError:
            tried += 1
        else:
            raise SystemExit(f"accepted with bit {bit} of octet {i} flipped")
print("seal octets:", [s["seal_octets"] for s in seals[::2]], "- flipped bits refused:", tried)
