"""Fixtures that need a script: ReportLab, img2pdf, pikepdf, hand-made structures, forms, signed files."""

import io
import re
import sys
import zlib
from datetime import datetime, timezone
from pathlib import Path

import img2pdf
import pikepdf
from PIL import Image
from pyhanko import keys
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko_certvalidator.registry import SimpleCertificateStore
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "judges"))
from pki import Pki  # noqa: E402

OUT = Path(sys.argv[1])
TITLE = "Təhsil haqqında arayış"
TEXT = "Bu sənəd sınaq üçündür: ə Ə ğ Ğ ı İ ö Ö ş Ş ç Ç ü Ü"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def reportlab_pages():
    pdfmetrics.registerFont(TTFont("DejaVu", FONT))
    page = canvas.Canvas(str(OUT / "reportlab.pdf"), pageCompression=1)
    page.setTitle(TITLE)
    for number in range(1, 6):
        page.setFont("DejaVu", 14)
        page.drawString(60, 760, f"{TITLE}, səhifə {number}")
        page.setFont("DejaVu", 11)
        page.drawString(60, 730, TEXT)
        page.showPage()
    page.save()


def reportlab_form():
    """A text field and a check box, no signature field."""
    page = canvas.Canvas(str(OUT / "reportlab-form.pdf"))
    page.drawString(60, 760, "Forma")
    page.acroForm.textfield(name="ad", x=60, y=700, width=200, height=20, value="")
    page.acroForm.checkbox(name="razi", x=60, y=660)
    page.save()


def picture():
    image = io.BytesIO()
    Image.new("RGB", (64, 48), (0, 90, 160)).save(image, "PNG")
    (OUT / "img2pdf.pdf").write_bytes(img2pdf.convert(image.getvalue()))


def assemble(objects, root="1 0 R", version="1.4", eol=b"\n", header_junk=b""):
    """A classic file from `{number: bytes}`; offsets are true by construction."""
    body = header_junk + b"%PDF-" + version.encode() + b"\n%\xe2\xe3\xcf\xd3\n"
    offsets = {}
    for number, content in objects.items():
        offsets[number] = len(body) - len(header_junk)
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start = len(body) - len(header_junk)
    size = max(objects) + 1
    entry_end = b" \n" if eol == b"\n" else b"\r\n"
    table = b"xref" + eol + b"0 %d" % size + eol + b"0000000000 65535 f" + entry_end
    for number in range(1, size):
        table += b"%010d 00000 n" % offsets[number] + entry_end
    trailer = b"trailer" + eol + b"<< /Size %d /Root %s >>" % (size, root.encode())
    return body + table + trailer + eol + b"startxref" + eol + b"%d" % start + eol + b"%%EOF" + eol


def stream(data, extra=b""):
    return b"<< /Length %d %s >>\nstream\n" % (len(data), extra) + data + b"\nendstream"


def page_objects():
    content = b"BT /F1 18 Tf 60 700 Td (Sinaq) Tj ET"
    return {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        # Resources, MediaBox and Rotate sit on the page tree and are inherited two levels down.
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 2 /MediaBox [0 0 595 842] /Rotate 90"
        b" /Resources << /Font << /F1 7 0 R >> >> >>",
        3: b"<< /Type /Pages /Parent 2 0 R /Kids [4 0 R 5 0 R] /Count 2 >>",
        4: b"<< /Type /Page /Parent 3 0 R /Contents 6 0 R >>",
        5: b"<< /Type /Page /Parent 3 0 R /Rotate 0 /MediaBox [0 0 842 595] /Contents [6 0 R] >>",
        6: stream(content),
        7: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }


def by_hand():
    (OUT / "hand-inherited.pdf").write_bytes(assemble(page_objects()))
    (OUT / "hand-crlf.pdf").write_bytes(assemble(page_objects(), eol=b"\r\n"))
    hybrid()


def hybrid():
    """ISO 32000-1, 7.5.8.4: a table for old readers, /XRefStm with what only new ones see.

    Objects 8 (document information, referenced from the trailer) lives in an object stream; the table
    marks it free.
    """
    objects = page_objects()
    body = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"
    offsets = {}
    inner = b"8 0 " + b"<< /Title (Hybrid-reference file) /Producer (hand-made hybrid) >>"
    objects[9] = stream(
        zlib.compress(inner), b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode"
    )
    for number, content in objects.items():
        offsets[number] = len(body)
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    # The stream tells of object 8 (entry type 2: stream 9, index 0) and of itself, object 10.
    offsets[10] = len(body)
    rows = bytes([2]) + (9).to_bytes(3, "big") + bytes([0])
    rows += bytes([1]) + offsets[10].to_bytes(3, "big") + bytes([0])
    body += b"10 0 obj\n" + stream(
        rows, b"/Type /XRef /Size 11 /W [1 3 1] /Index [8 1 10 1] /Root 1 0 R"
    ) + b"\nendobj\n"
    start = len(body)
    body += b"xref\n0 11\n0000000008 65535 f \n"
    for number in range(1, 11):
        if number == 8:
            body += b"0000000010 00000 f \n"
        elif number == 10:
            body += b"0000000000 00000 f \n"
        else:
            body += b"%010d 00000 n \n" % offsets[number]
    body += b"trailer\n<< /Size 11 /Root 1 0 R /Info 8 0 R /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        offsets[10],
        start,
    )
    (OUT / "hand-hybrid.pdf").write_bytes(body)


def pikepdf_incremental():
    """A second revision over an object-stream file, by pyHanko: a new title only."""
    with open(OUT / "qpdf-object-streams.pdf", "rb") as source:
        writer = IncrementalPdfFileWriter(source)
        from pyhanko.pdf_utils import generic

        info = writer.add_object(
            generic.DictionaryObject({generic.pdf_name("/Title"): generic.TextStringObject(TITLE)})
        )
        writer.set_info(info)
        with open(OUT / "pyhanko-two-revisions.pdf", "wb") as target:
            writer.write(target)
    with pikepdf.open(OUT / "reportlab.pdf") as pdf:
        pdf.docinfo["/Title"] = TITLE
        pdf.save(OUT / "pikepdf.pdf", object_stream_mode=pikepdf.ObjectStreamMode.generate)


def signer(pki, name="p256"):
    key, cert = pki.key_file(name), pki.cert_file(name)
    store = SimpleCertificateStore()
    store.register_multiple(keys.load_certs_from_pemder([str(pki.cert_file("issuing"))]))
    return signers.SimpleSigner(
        signing_cert=keys.load_cert_from_pemder(str(cert)),
        signing_key=keys.load_private_key_from_pemder(str(key), None),
        cert_registry=store,
    )


def sign(pki, source, target, key="p256", new_field=None, **metadata):
    metadata.setdefault("md_algorithm", "sha256")
    with open(OUT / source, "rb") as file:
        writer = IncrementalPdfFileWriter(file)
        with open(OUT / target, "wb") as out:
            signers.PdfSigner(
                signers.PdfSignatureMetadata(
                    subfilter=fields.SigSeedSubFilter.PADES, **metadata
                ),
                signer=signer(pki, key),
                new_field_spec=new_field,
            ).sign_pdf(writer, output=out)


def empty_fields(source, target, *specs):
    with open(OUT / source, "rb") as file:
        writer = IncrementalPdfFileWriter(file)
        for spec in specs:
            fields.append_signature_field(writer, spec)
        with open(OUT / target, "wb") as out:
            writer.write(out)


def forms_and_signatures():
    pki = Pki.make(OUT / "pki", keys=("p256", "rsa3072"))
    field = fields.SigFieldSpec
    empty_fields("reportlab-form.pdf", "form-signature-fields.pdf",
                 field("İmza1", box=(60, 500, 260, 560)), field("Signature2", box=(300, 500, 500, 560)))
    empty_fields("reportlab-form.pdf", "form-field-lock.pdf",
                 field("İmza1", box=(60, 500, 260, 560), field_mdp_spec=fields.FieldMDPSpec(
                     fields.FieldMDPAction.INCLUDE, fields=["ad"])),
                 field("Signature2", box=(300, 500, 500, 560)))
    sign(pki, "ghostscript.pdf", "signed-one.pdf", field_name="Signature1", reason="Təsdiq", location="Bakı")
    sign(pki, "signed-one.pdf", "signed-two.pdf", key="rsa3072", field_name="Signature2")
    sign(pki, "qpdf-object-streams.pdf", "signed-xref-stream.pdf", field_name="Signature1")
    perm = fields.MDPPerm
    sign(pki, "ghostscript.pdf", "certified-p1.pdf", field_name="Signature1", certify=True,
         docmdp_permissions=perm.NO_CHANGES)
    sign(pki, "form-signature-fields.pdf", "certified-p2-form.pdf", field_name="Signature2", certify=True,
         docmdp_permissions=perm.FILL_FORMS)
    sign(pki, "ghostscript.pdf", "certified-p3.pdf", field_name="Signature1", certify=True,
         docmdp_permissions=perm.ANNOTATE)
    sign(pki, "form-field-lock.pdf", "signed-field-lock.pdf", field_name="İmza1")
    empty_fields("ghostscript.pdf", "form-lock-all.pdf", field("İmza1", field_mdp_spec=fields.FieldMDPSpec(
        fields.FieldMDPAction.ALL), doc_mdp_update_value=perm.NO_CHANGES))
    sign(pki, "form-lock-all.pdf", "signed-lock-all-p1.pdf", field_name="İmza1")
    tampered = bytearray((OUT / "signed-one.pdf").read_bytes())
    at = re.search(rb"/MediaBox *\[ *0 0 (\d)", bytes(tampered)).start(1)
    tampered[at] = ord("1") if tampered[at] != ord("1") else ord("2")
    (OUT / "signed-one-tampered.pdf").write_bytes(tampered)


reportlab_pages()
reportlab_form()
picture()
by_hand()
pikepdf_incremental()
forms_and_signatures()
