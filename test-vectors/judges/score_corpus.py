#!/usr/bin/env python3
"""Scores `esign verify` for integrity over the CAdES and PAdES files of $ESIGN_CORPORA/ades.

    ESIGN=target/release/esign ESIGN_CORPORA=... test-vectors/judges/score_corpus.py

A false accept (a file that is not intact, all its signatures said to be intact) fails whatever the exceptions
say. A false reject fails unless corpus-exceptions.toml names it with its clause; an exception that is no longer
needed fails as well. Formats that `esign` does not read yet are counted and named, not scored. Needs Python
3.11 alone.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Digest checks run over everything in the file whatever the time; one fixed time makes runs alike.
AT = "2027-01-01T00:00:00Z"
SCORED = (".p7m", ".p7s", ".sig", ".cades", ".pdf")
# DSS's assertions: what the overall judgement of integrity may be.
EXPECTED = {
    "INTACT_VALID": {"intact"},
    "NOT_TECHNICALLY_VALID": {"broken", "unknown"},
    # The digests hold, the document is to be refused: the verdict must not be passed, integrity is free.
    "INTACT_BUT_FAILED_VERDICT": {"intact", "broken", "unknown"},
    "NO_ASSERT": {"intact", "broken", "unknown"},
}


def verify(esign, path, content):
    command = [esign, "verify", str(path), "--json", "--offline", "--at", AT]
    if content:
        command += ["--content", str(content)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1, 2, 3):
        return "crash", done.returncode, done.stderr.strip()
    if done.returncode == 2:
        return "unreadable", 2, done.stderr.strip()
    report = json.loads(done.stdout)
    found = [signature["integrity"] for signature in report["signatures"]]
    # A file is as good as its worst signature; without a signature nothing is known.
    overall = next((value for value in ("broken", "unknown") if value in found), "intact" if found else "unknown")
    reasons = [
        finding.get("rule", "?")
        for signature in report["signatures"]
        for finding in signature.get("findings", [])
        if str(finding.get("outcome", "")).lower() not in ("passed", "")
    ]
    return overall, done.returncode, ", ".join(dict.fromkeys(reasons))


def cases(corpora):
    """(name, path, content, allowed) for each scored file once."""
    dss = corpora / "ades" / "dss"
    seen = set()
    for case in json.loads((dss / "expected.json").read_text()):
        content = case["detached"][0] if case["detached"] else None
        if (case["file"], content) in seen:
            continue
        seen.add((case["file"], content))
        path = dss / case["file"]
        yield "dss/" + case["file"], path, dss / content if content else None, case["integrity"]
    pyhanko = corpora / "ades" / "pyhanko"
    for path in sorted(pyhanko.glob("*.pdf")):
        yield "pyhanko/" + path.name, path, None, "INTACT_VALID"
    yield "pyhanko/cades-noattr.p7m", pyhanko / "cades-noattr.p7m", None, "NOT_TECHNICALLY_VALID"


def main():
    corpora = os.environ.get("ESIGN_CORPORA")
    esign = os.environ.get("ESIGN")
    if not corpora or not Path(corpora, "ades").is_dir():
        sys.exit("score_corpus: error: ESIGN_CORPORA names no folder with ades/ in it")
    if not esign:
        sys.exit("score_corpus: error: ESIGN names no binary")
    with open(HERE / "corpus-exceptions.toml", "rb") as file:
        exceptions = {row["file"]: row for row in tomllib.load(file)["exception"]}
    unused = set(exceptions)
    later = Counter()
    passed = failed = 0

    for name, path, content, asserted in cases(Path(corpora)):
        if not name.endswith(SCORED):
            later[path.suffix.lstrip(".")] += 1
            continue
        actual, status, why = verify(esign, path, content)
        allowed = EXPECTED[asserted]
        exception = exceptions.get(name)
        unused.discard(name)
        problem = None
        if actual == "crash":
            problem = f"exit status {status}: {why}"
        elif asserted in ("NOT_TECHNICALLY_VALID", "INTACT_BUT_FAILED_VERDICT") and status == 0:
            problem = "FALSE ACCEPT: TOTAL-PASSED"
        elif actual == "intact" and "intact" not in allowed:
            problem = "FALSE ACCEPT: said to be intact"
        elif exception:
            if exception["expected"] != asserted:
                problem = f"the exception is for {exception['expected']}, the corpus says {asserted}"
            elif actual not in exception["actual"]:
                problem = f"{actual}, the exception says {' or '.join(exception['actual'])}: mend the exception ({why})"
        elif actual not in allowed:
            problem = f"FALSE REJECT: {actual} instead of {' or '.join(sorted(allowed))} ({why})"
        if problem:
            failed += 1
            print(f"FAIL  {name}: {problem}")
        else:
            passed += 1
            if exception:
                print(f"known {name}: {actual}: {exception['reason']}")
    for name in sorted(unused):
        failed += 1
        print(f"FAIL  {name}: an exception for a file that was not scored")
    print("not scored, formats of later issues: " + ", ".join(f"{n} {kind}" for kind, n in sorted(later.items())))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
