#!/usr/bin/env python3
"""Runs GnuTLS's certtool over PKITS and x509-limbo and writes what it says, for the table of docs/conformance.md.

    ESIGN_CORPORA=... test-vectors/judges/gnutls_results.py > test-vectors/judges/gnutls-results.json

Needs certtool and faketime (Debian: gnutls-bin, faketime): certtool judges for the clock's time alone.
"""

import base64
import json
import os
import ssl
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

# For cases that leave the time open.
NOW = "2026-11-22T00:00:00Z"
PURPOSES = {"SERVER": "1.3.6.1.5.5.7.3.1", "CLIENT": "1.3.6.1.5.5.7.3.2"}


def certificate(path):
    return ssl.DER_cert_to_PEM_cert(path.read_bytes())


def crl(path):
    body = "\n".join(textwrap.wrap(base64.b64encode(path.read_bytes()).decode(), 64))
    return f"-----BEGIN X509 CRL-----\n{body}\n-----END X509 CRL-----\n"


def judge(work, time, anchors, chain, crls, more=()):
    (work / "anchors.pem").write_text("".join(anchors))
    (work / "chain.pem").write_text("".join(chain))
    command = ["faketime", time.replace("T", " ")[:19], "certtool", "--verify", "--verify-allow-broken"]
    command += ["--load-ca-certificate", work / "anchors.pem", "--infile", work / "chain.pem", *more]
    if crls:
        (work / "crls.pem").write_text("".join(crls))
        command += ["--load-crl", work / "crls.pem"]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "TZ": "UTC"}, timeout=60)
    return done.returncode == 0


def main():
    corpora = Path(os.environ["ESIGN_CORPORA"])
    version = subprocess.run(["certtool", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pkits = corpora / "pkits"
        for case in json.loads((pkits / "pkits.json").read_text())["cases"]:
            anchor, *others = [certificate(pkits / c) for c in case["certs"]]
            crls = [crl(pkits / c) for c in case["crls"]]
            results[f"pkits::{case['id']}"] = judge(work, case["time"], [anchor], reversed(others), crls)
        for case in json.loads((corpora / "x509-limbo" / "limbo-nonweb.json").read_text())["testcases"]:
            more = ["--verify-purpose", PURPOSES[case["validation_kind"]]]
            name = case["expected_peer_name"]
            if name and name["kind"] in ("DNS", "IP"):
                more += ["--verify-hostname", name["value"]]
            elif name:
                more += ["--verify-email", name["value"]]
            chain = [case["peer_certificate"] + "\n", *(c + "\n" for c in case["untrusted_intermediates"])]
            anchors = [c + "\n" for c in case["trusted_certs"]]
            crls = [c + "\n" for c in case["crls"]]
            results[f"limbo::{case['id']}"] = judge(work, case["validation_time"] or NOW, anchors, chain, crls, more)
    json.dump({"peer": f"GnuTLS {version}", "valid": results}, sys.stdout, indent=0)
    print()


if __name__ == "__main__":
    main()
