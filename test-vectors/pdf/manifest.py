"""Prints manifest.json: what each file is, read from the file by pikepdf and pyHanko, not by us."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pikepdf
from pyhanko.pdf_utils.reader import PdfFileReader

out = Path(sys.argv[1])
REFUSED = {
    "qpdf-encrypted-aes128.pdf": "encrypted",
    "qpdf-encrypted-aes256.pdf": "encrypted",
    "certified-p1.pdf": "DocMDP P=1",
    "signed-lock-all-p1.pdf": "field lock with P=1",
}


def describe(path):
    data = path.read_bytes()
    with pikepdf.open(path) as pdf:
        info = {str(k): str(v) for k, v in pdf.docinfo.items()} if "/Info" in pdf.trailer else {}
        row = {
            "file": path.name,
            "producer": info.get("/Producer", "none stated"),
            "creator": info.get("/Creator"),
            "version": pdf.pdf_version,
            "pages": len(pdf.pages),
            "linearized": pdf.is_linearized,
            "encrypted": pdf.is_encrypted,
        }
    classic = re.search(rb"(?<!start)xref[\r\n]", data) is not None
    streamed = re.search(rb"/Type */XRef\b", data) is not None
    row["xref"] = "hybrid" if b"/XRefStm" in data else "table" if classic and not streamed else (
        "stream" if streamed and not classic else "table and stream")
    row["object_streams"] = re.search(rb"/Type */ObjStm\b", data) is not None
    row["revisions"] = max(1, data.count(b"startxref") - (1 if row["linearized"] else 0))
    row["signatures"] = row["empty_signature_fields"] = 0
    row["locked"] = None
    if not row["encrypted"]:
        with path.open("rb") as file:
            reader = PdfFileReader(file, strict=False)  # mutool writes generation 65536 for object 0
            from pyhanko.sign.fields import enumerate_sig_fields

            signed = list(enumerate_sig_fields(reader))
            row["signatures"] = sum(1 for _, value, _ in signed if value is not None)
            row["empty_signature_fields"] = len(signed) - row["signatures"]
            row["signature_fields"] = [name for name, _, _ in signed]
    if match := re.search(rb"/TransformParams\s*<<[^>]*?/P (\d)", data):
        row["locked"] = f"DocMDP P={match[1].decode()}"
    row["signing_refused_because"] = REFUSED.get(path.name)
    row["integrity"] = "broken" if "tampered" in path.name else ("intact" if row["signatures"] else None)
    row["size"] = len(data)
    row["sha256"] = hashlib.sha256(data).hexdigest()
    return row




def version(*command):
    ran = subprocess.run(command, capture_output=True, text=True)
    return (ran.stdout + ran.stderr).strip().splitlines()[0]


TOOLS = {
    "qpdf": version("qpdf", "--version"),
    "mutool": version("mutool", "-v"),
    "rsvg-convert": version("rsvg-convert", "--version"),
    "chromium": version("chromium", "--version"),
    "libreoffice": version("soffice", "--version"),
    "wkhtmltopdf": version("wkhtmltopdf", "--version"),
}
json.dump(
    {"made_by": "generate.sh", "tools": TOOLS, "files": [describe(p) for p in sorted(out.glob("*.pdf"))]},
    sys.stdout, indent=1, ensure_ascii=False)
print()
