"""pyHanko's client against a time-stamping authority: judge_tsa.py URL ROOT.PEM [UNTRUSTED.PEM]"""
import asyncio
import hashlib
import sys

from pyhanko.keys import load_cert_from_pemder
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext


async def main(url, root):
    failed = 0
    for algorithm in ("sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"):
        imprint = hashlib.new(algorithm, b"stamp me").digest()
        try:
            # Sends a nonce, asks for certificates, and compares what comes back.
            token = await HTTPTimeStamper(url, https=False).async_timestamp(imprint, algorithm)
            context = ValidationContext(trust_roots=[load_cert_from_pemder(root)], allow_fetching=False)
            said = await validate_tst_signed_data(token["content"], context, lambda name: hashlib.new(name, b"stamp me").digest())
            good = said["valid"] and said["intact"] and said["trust_problem_indic"] is None
            why = "" if good else repr(said)
        except Exception as error:  # a judge tells whatever it stumbles over
            good, why = False, repr(error)
        print(f"{algorithm}: {'accepted' if good else 'rejected: ' + why}")
        failed += not good
    return min(failed, 1)


sys.exit(asyncio.run(main(*sys.argv[1:])))
