"""What pkilint, zlint and `esign cert lint` say of certificates: of each, the rules that it finds broken.

A rule counts from WARNING (pkilint), `warn` (zlint) or a notice (ours) on; notices of ours are kept apart.
Runs in pkilint's Python environment.
"""

import json
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pkilint import etsi, finding_filter, loader
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity

ZLINT_SOURCES = "RFC5280,RFC5480,RFC5891,RFC6962,RFC8813,ETSI_ESI"
UNREADABLE = "(does not read it)"
PERSONS = ("natural-person", "legal-person")


def _pkix():
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


def _broken(results):
    return {
        d.finding.code
        for r in results
        for d in r.finding_descriptions
        if d.finding.severity <= ValidationFindingSeverity.WARNING
    }


class Pkilint:
    def __init__(self):
        self.pkix = _pkix()
        self.etsi = {}

    def __call__(self, der, kind):
        """Its RFC 5280 linter, and for persons its ETSI linter of the type that it detects itself."""
        try:
            cert = loader.RFC5280CertificateDocumentLoader().load_der_document(der, "certificate")
            found = _broken(self.pkix.validate(cert.root))
            if kind in PERSONS:
                cert = loader.RFC5280CertificateDocumentLoader().load_der_document(der, "certificate")
                detected = etsi.determine_certificate_type(cert)
                if detected not in self.etsi:
                    self.etsi[detected] = (
                        certificate.create_pkix_certificate_validator_container(
                            etsi.create_decoding_validators(detected), etsi.create_validators(detected)
                        ),
                        etsi.create_etsi_finding_filters(detected),
                    )
                container, filters = self.etsi[detected]
                results, _ = finding_filter.filter_results(filters, container.validate(cert.root))
                found |= _broken(results)
            return found
        except Exception:  # whatever its ASN.1 decoder raises: it has no type of its own for that
            return {UNREADABLE}


def zlint(program, path):
    run = subprocess.run(
        [program, "-includeSources", ZLINT_SOURCES, "-format", "der", path], capture_output=True, text=True
    )
    try:
        said = json.loads(run.stdout)
    except ValueError:
        return {UNREADABLE}
    return {rule for rule, v in said.items() if v["result"] in ("warn", "error", "fatal")}


def ours(program, paths):
    """Kind and rules of each, with severities."""
    all_ = {}
    for i in range(0, len(paths), 200):
        run = subprocess.run(
            [program, "cert", "lint", "--json", *paths[i:i + 200]], capture_output=True, text=True
        )
        for line in run.stdout.splitlines():
            said = json.loads(line)
            item, = said["items"]
            all_[said["file"]] = (item["profile"], {f["rule"]: f["severity"] for f in item["findings"]})
    missing = set(paths) - set(all_)
    if missing:
        raise SystemExit(f"esign cert lint said nothing of {len(missing)} files: {run.stderr[:300]}")
    return all_


def judge(certificates, esign, zlint_program):
    """For each (corpus, DER): corpus, kind, our rules, pkilint's rules, zlint's rules."""
    pkilint = Pkilint()
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, (_, der) in enumerate(certificates):
            path = Path(folder) / f"{i:05}.der"
            path.write_bytes(der)
            paths.append(str(path))
        mine = ours(esign, paths)
        with ThreadPoolExecutor(2) as pool:
            from_zlint = list(pool.map(lambda p: zlint(zlint_program, p), paths))
        for (corpus, der), path, z in zip(certificates, paths, from_zlint):
            kind, rules = mine[path]
            yield corpus, kind, rules, pkilint(der, kind), z
