"""pyHanko signs a PDF at PAdES B-LTA with a centre's certificate, TSA, OCSP and CRL, and validates what it made without the
network: judge_centre_pdf.py IN.PDF KEY.PEM CHAIN.PEM ROOT.PEM TSA-URL OUT.PDF"""
import asyncio
import sys

from pyhanko.keys import load_cert_from_pemder, load_certs_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

source, key, chain, root, tsa, out = sys.argv[1:]
anchor = load_cert_from_pemder(root)
first, *others = load_certs_from_pemder([chain])
certificate = out + ".pem"
with open(chain) as read, open(certificate, "w") as write:
    write.write(read.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
signer = signers.SimpleSigner.load(key, certificate, ca_chain_files=[chain])
context = ValidationContext(
    trust_roots=[anchor], other_certs=others, allow_fetching=True, revocation_mode="hard-fail"
)
how = signers.PdfSignatureMetadata(
    field_name="Signature1",
    md_algorithm="sha256",
    subfilter=SigSeedSubFilter.PADES,
    validation_context=context,
    embed_validation_info=True,
    use_pades_lta=True,
)
with open(source, "rb") as read, open(out, "wb") as write:
    signers.sign_pdf(
        IncrementalPdfFileWriter(read), how, signer=signer, timestamper=HTTPTimeStamper(tsa, https=False), output=write
    )
with open(out, "rb") as read:
    document = PdfFileReader(read)
    store = document.root["/DSS"]
    print("embedded:", len(store.get("/OCSPs", ())), "OCSP,", len(store.get("/CRLs", ())), "CRL")
    if not store.get("/OCSPs", ()) and not store.get("/CRLs", ()):
        sys.exit("rejected: no revocation information is embedded")
    # EN 319 102-1 5.6 with revocation information demanded, and from the document alone.
    how = PdfSignatureValidationSpec(
        SignatureValidationSpec(
            CertValidationPolicySpec(
                trust_manager=SimpleTrustManager.build([anchor]), revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO)
            ),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        )
    )
    said = asyncio.run(ades_lta_validation(document.embedded_regular_signatures[0], how))
    good = said.ades_subindic.name == "OK" and said.best_signature_time is not None
    print("accepted" if good else f"rejected: {said.ades_subindic} {said.failure_msg}")
    sys.exit(0 if good else 1)
