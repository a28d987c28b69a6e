"""pyHanko as a judge; see judge-pyhanko for the options."""

import argparse
import asyncio
import logging
import sys
from datetime import datetime
from pathlib import Path

from asn1crypto import cms, crl, pem
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_detached_cms, async_validate_pdf_signature
from pyhanko.sign.validation.generic_cms import async_validate_cms_signature
from pyhanko_certvalidator import ValidationContext

logging.disable(logging.CRITICAL)


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("trust", "intermediate", "crl"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--content")
    parser.add_argument("--lenient", action="store_true")
    parser.add_argument("--at", type=datetime.fromisoformat)
    parser.add_argument("files", nargs="+")
    return parser.parse_args()


def crls(paths):
    found = []
    for path in paths:
        data = Path(path).read_bytes()
        blocks = pem.unarmor(data, multiple=True) if pem.detect(data) else [("X509 CRL", {}, data)]
        found += [crl.CertificateList.load(der) for kind, _, der in blocks if kind == "X509 CRL"]
    return found


def context(args):
    # A context remembers what it has validated; each signature gets a new one.
    return ValidationContext(
        trust_roots=list(load_certs_from_pemder(args.trust)),
        other_certs=list(load_certs_from_pemder(args.intermediate)),
        crls=crls(args.crl),
        revocation_mode="require" if args.crl else "soft-fail",
        allow_fetching=False,
        moment=args.at,
    )


async def pdf(args, path):
    with open(path, "rb") as file:
        signatures = PdfFileReader(file, strict=not args.lenient).embedded_regular_signatures
        if not signatures:
            return "no signature"
        for signature in signatures:
            status = await async_validate_pdf_signature(signature, context(args))
            if not status.bottom_line:
                return status.summary()
    return None


async def cades(args, path):
    info = cms.ContentInfo.load(Path(path).read_bytes())
    if info["content_type"].native != "signed_data":
        return "not SignedData"
    # pyHanko judges one SignerInfo at a time.
    count = len(info["content"]["signer_infos"])
    if count == 0:
        return "no signer"
    for number in range(count):
        signed = info["content"].copy()
        signed["signer_infos"] = cms.SignerInfos([info["content"]["signer_infos"][number]])
        if signed["encap_content_info"]["content"].native is None:
            if args.content is None:
                return "detached, no content given"
            with open(args.content, "rb") as content:
                status = await async_validate_detached_cms(
                    content, signed, signer_validation_context=context(args))
        else:
            status = await async_validate_cms_signature(signed, validation_context=context(args))
            whole = signed["encap_content_info"]["content"].native
            if args.content is not None and Path(args.content).read_bytes() != whole:
                return "the content inside is another"
        if not (status.intact and status.valid and status.trusted):
            return status.summary()
    return None


async def main():
    args = arguments()
    rejected = False
    for path in args.files:
        with open(path, "rb") as file:
            judge = pdf if file.read(5) == b"%PDF-" else cades
        try:
            why = await judge(args, path)
        except Exception as error:  # whatever stops the judge is no acceptance
            why = f"{type(error).__name__}: {error}"
        print(f"{path}: accepted" if why is None else f"{path}: rejected: {why}")
        rejected |= why is not None
    return 1 if rejected else 0


sys.exit(asyncio.run(main()))
