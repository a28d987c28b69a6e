#!/usr/bin/env python3
"""Scores `esign cert verify` over PKITS and x509-limbo and prints the table of docs/conformance.md.

    ESIGN=target/release/esign ESIGN_CORPORA=... test-vectors/judges/score_certificates.py [--write]

Every case runs the command as a user would, none is skipped. A case that comes out otherwise than the suite says
fails unless certificates-exceptions.toml gives its reason; an exception that is no longer needed fails as well. The
table in docs/conformance.md must be what comes out; --write puts it there. Needs Python 3.11 alone.
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "conformance.md"
BEGIN, END = "<!-- table: score_certificates.py -->", "<!-- end of table -->"
# For cases that leave the time open.
NOW = "2026-11-22T00:00:00Z"
NAMES = {"DNS": "dns", "IP": "ip", "RFC822": "email"}
PURPOSES = {"SERVER": "tls-server", "CLIENT": "tls-client"}
PEERS = {
    "openssl-3.0.19": "OpenSSL 3.0.19",
    "gocryptox509-go1.27.3": "Go 1.27.3",
    "pyca-cryptography-46.0.7": "pyca 46.0.7",
    "rust-webpki": "rustls-webpki",
}
# Where the rule stands that a case is about, by the beginning of its name; the longest counts.
CLAUSES = {
    "pkits::4.1.": "RFC 5280 6.1.3 (a)(1); RFC 3279 2.3.2",
    "pkits::4.2.": "RFC 5280 6.1.3 (a)(2)",
    "pkits::4.3.": "RFC 5280 7.1",
    "pkits::4.4.": "RFC 5280 6.3.3",
    "pkits::4.5.": "RFC 5280 6.1, 6.3.3 (f)",
    "pkits::4.6.": "RFC 5280 6.1.4 (k) to (m)",
    "pkits::4.7.": "RFC 5280 6.1.4 (n), 6.3.3 (f)",
    "pkits::4.8.": "RFC 5280 6.1.3 (d), 6.1.5 (g)",
    "pkits::4.9.": "RFC 5280 6.1.4 (i)",
    "pkits::4.10.": "RFC 5280 6.1.4 (a), (b)",
    "pkits::4.11.": "RFC 5280 6.1.4 (i)(2)",
    "pkits::4.12.": "RFC 5280 6.1.4 (j)",
    "pkits::4.13.": "RFC 5280 6.1.3 (b), (c), 4.2.1.10",
    "pkits::4.14.": "RFC 5280 6.3.3 (b), 5.2.5",
    "pkits::4.15.": "RFC 5280 6.3.3 (c), 5.2.4",
    "pkits::4.16.": "RFC 5280 6.1.4 (o)",
    "limbo::crl": "RFC 5280 5.2, 6.3.3",
    "limbo::cve": "RFC 5280 6.1, 4.2.1.10",
    "limbo::invalid": "RFC 5280 4.1",
    "limbo::pathlen": "RFC 5280 4.2.1.9, 6.1.4 (l), (m)",
    "limbo::pathological": "RFC 5280 6.1",
    "limbo::rfc5280": "RFC 5280 4.1, 4.2",
    "limbo::rfc5280::aki": "RFC 5280 4.2.1.1",
    "limbo::rfc5280::eku": "RFC 5280 4.2.1.12",
    "limbo::rfc5280::nc": "RFC 5280 4.2.1.10",
    "limbo::rfc5280::pc": "RFC 5280 4.2.1.11",
    "limbo::rfc5280::san": "RFC 5280 4.2.1.6",
    "limbo::rfc5280::serial": "RFC 5280 4.1.2.2",
    "limbo::rfc5280::ski": "RFC 5280 4.2.1.2",
    "limbo::rfc5280::validity": "RFC 5280 4.1.2.5",
}
# Sections of PKITS whose outputs are the policies (4.8 to 4.12).
POLICY_SECTIONS = ("4.8.", "4.9.", "4.10.", "4.11.", "4.12.")


def run(esign, arguments):
    """Verdict and policies, and in words what failed."""
    done = subprocess.run(
        [esign, "cert", "verify", *map(str, arguments), "--json"], capture_output=True, text=True, timeout=60
    )
    if done.returncode == 2:
        # A certificate that cannot be read is not valid; anything else about the arguments is a fault of this script.
        return False, [], done.stderr.strip()
    if done.returncode not in (0, 1, 3):
        return "crash", [], f"exit {done.returncode}: {done.stderr.strip()}"
    answer = json.loads(done.stdout)
    if answer["valid"] != (done.returncode == 0):
        return "crash", [], f"exit {done.returncode} with valid {answer['valid']}"
    return answer["valid"], sorted(answer.get("policies", [])), str(answer.get("reason"))


def pkits(corpora):
    """(id, group, arguments, expected verdict, expected policies or None)"""
    folder = corpora / "pkits"
    for case in json.loads((folder / "pkits.json").read_text())["cases"]:
        certificates = [folder / c for c in case["certs"]]
        arguments = [certificates[-1], "--trust", certificates[0], "--at", case["time"]]
        arguments += ["--purpose", "any", "--revocation", "require", "--profile", "pkix"]
        for certificate in certificates[1:-1]:
            arguments += ["--intermediate", certificate]
        for crl in case["crls"]:
            arguments += ["--crl", folder / crl]
        for policy in case["initial_policy_set"]:
            arguments += ["--policy", policy]
        for key, flag in (
            ("initial_explicit_policy", "--require-explicit-policy"),
            ("initial_policy_mapping_inhibit", "--inhibit-policy-mapping"),
            ("initial_inhibit_any_policy", "--inhibit-any-policy"),
        ):
            if case[key]:
                arguments.append(flag)
        policies = None
        if case["should_validate"] and case["id"].startswith(POLICY_SECTIONS):
            policies = sorted(case["user_constrained_policy_set"])
        yield f"pkits::{case['id']}", "PKITS", arguments, case["should_validate"], policies


def limbo(corpora, work):
    for n, case in enumerate(json.loads((corpora / "x509-limbo" / "limbo-nonweb.json").read_text())["testcases"]):
        folder = work / str(n)
        folder.mkdir()

        def file(name, pems):
            (folder / name).write_text("\n".join(pems))
            return folder / name

        arguments = [file("leaf.pem", [case["peer_certificate"]])]
        arguments += ["--at", case["validation_time"] or NOW, "--purpose", PURPOSES[case["validation_kind"]]]
        arguments += ["--profile", "strict"]
        if case["trusted_certs"]:
            arguments += ["--trust", file("trust.pem", case["trusted_certs"])]
        if case["untrusted_intermediates"]:
            arguments += ["--intermediate", file("more.pem", case["untrusted_intermediates"])]
        if case["crls"]:
            arguments += ["--crl", file("crls.pem", case["crls"]), "--revocation", "require"]
        else:
            arguments += ["--revocation", "none"]
        if case["max_chain_depth"] is not None:
            arguments += ["--max-depth", case["max_chain_depth"]]
        names = [case["expected_peer_name"]] if case["expected_peer_name"] else case["expected_peer_names"]
        for name in names:
            arguments += ["--name", f"{NAMES[name['kind']]}:{name['value']}"]
        group = "limbo " + case["id"].split("::")[0]
        yield f"limbo::{case['id']}", group, arguments, case["expected_result"] == "SUCCESS", None


def peers(corpora, cases):
    """{peer: {group: (right, skipped, total)}} and {peer: [name of a case it gets wrong]}"""
    counts, wrong = defaultdict(dict), defaultdict(list)

    def judged(peer, name, group, good):
        right, skipped, total = counts[peer].get(group, (0, 0, 0))
        counts[peer][group] = (right + good, skipped, total + 1)
        if not good:
            wrong[peer].append(name)

    openssl = json.loads((corpora / "pkits" / "openssl-3.0.19-results.json").read_text())
    openssl = {f"pkits::{case['id']}": case["openssl"] for case in openssl}
    gnutls = json.loads((HERE / "gnutls-results.json").read_text())
    for name, group, _, expected, _ in cases:
        if name in openssl:
            judged(PEERS["openssl-3.0.19"], name, group, openssl[name] == expected)
        judged(gnutls["peer"], name, group, gnutls["valid"][name] == expected)
    known = {name for name, *_ in cases}
    results = json.loads((corpora / "x509-limbo" / "limbo-peer-results.json").read_text())
    for peer, result in results.items():
        for space, numbers in result["by_namespace"].items():
            total = numbers["agree"] + numbers["disagree"] + numbers["skipped"]
            counts[PEERS[peer]][f"limbo {space}"] = (numbers["agree"], numbers["skipped"], total)
        names = [f"limbo::{case[0]}" for case in result["core_disagreements"]]
        wrong[PEERS[peer]] += [name for name in names if name in known]
    return counts, wrong


def differences(wrong):
    """For each peer the cases that it gets wrong and esign does not, by the clause that decides."""
    lines = ["| peer | clause | cases it gets wrong |", "| --- | --- | --- |"]
    for peer in sorted(wrong):
        by_clause = defaultdict(list)
        for name in wrong[peer]:
            prefix = max((p for p in CLAUSES if name.startswith(p)), key=len)
            by_clause[CLAUSES[prefix]].append(name.removeprefix("limbo::"))
        for clause, names in by_clause.items():
            lines.append(f"| {peer} | {clause} | " + ", ".join(f"`{n}`" for n in names) + " |")
    return "\n".join(lines)


def table(groups, others):
    columns = sorted(others, key=str.lower)
    lines = [
        "| suite | cases | esign | " + " | ".join(columns) + " |",
        "| --- | --: | --: |" + " --: |" * len(columns),
    ]
    for group, (right, excepted, total) in groups.items():
        ours = f"**{right}**" + (f" (+{excepted} by design)" if excepted else "")
        cells = []
        for column in columns:
            agree, skipped, count = others[column].get(group, (0, 0, 0))
            # A peer that was run over other cases than are here tells nothing about these.
            cells.append("–" if count != total else f"{agree}" + (f", {skipped} skipped" if skipped else ""))
        lines.append(f"| {group} | {total} | {ours} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    if not os.environ.get("ESIGN_CORPORA"):
        print("ESIGN_CORPORA names no folder: PKITS and x509-limbo have NOT been run")
        return 0
    esign = os.environ.get("ESIGN", "target/release/esign")
    corpora = Path(os.environ["ESIGN_CORPORA"])
    exceptions = tomllib.loads((HERE / "certificates-exceptions.toml").read_text())
    failures, needed = [], set()
    groups = {}
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        cases = [*pkits(corpora), *limbo(corpora, Path(work))]
        answers = pool.map(lambda case: run(esign, case[2]), cases)
        for (name, group, _, expected, policies), (valid, found, reason) in zip(cases, answers):
            right, excepted, total = groups.get(group, (0, 0, 0))
            good = valid == expected and (policies is None or found == policies)
            if not good and valid != "crash" and name in exceptions:
                needed.add(name)
                excepted += 1
            elif not good:
                wanted = f"{expected} {policies if policies is not None else ''}".strip()
                failures.append(f"{name}: expected {wanted}, found {valid} {found}: {reason}")
            groups[group] = (right + good, excepted, total + 1)
    failures += [f"{name}: the exception is no longer needed" for name in exceptions if name not in needed]
    counts, wrong = peers(corpora, cases)
    text = table(groups, counts) + "\n\n" + differences(wrong)
    print(table(groups, counts))
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    old, _, after = rest.partition(END)
    if "--write" in sys.argv[1:]:
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    elif old.strip() != text:
        failures.append(f"the table of {PAGE.name} is another one: run with --write and look at the difference")
    for failure in failures:
        print(f"FAILED {failure}")
    count = sum(total for _, _, total in groups.values())
    print(f"{count - len(failures)} passed, {len(failures)} failed, {len(needed)} by design")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
