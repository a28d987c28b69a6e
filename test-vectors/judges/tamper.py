"""Writes a copy of a signed file with one octet of a signed part changed, and prints its path."""

import re
import sys
from pathlib import Path

from asn1crypto import cms

path = Path(sys.argv[1])
data = bytearray(path.read_bytes())
if data.startswith(b"%PDF-"):
    found = re.search(rb"/MediaBox *\[ *0 0 (\d)", bytes(data))
    at = found.start(1) if found else 7  # else the minor version in the header
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
else:
    first = cms.ContentInfo.load(bytes(data))["content"]["signer_infos"][0]
    value = first["signature"].native
    # The last octet keeps an ECDSA value a well-formed SEQUENCE of INTEGERs.
    data[bytes(data).index(value) + len(value) - 1] ^= 1
copy = path.with_name(f"{path.stem}.tampered{path.suffix}")
copy.write_bytes(data)
print(copy)
