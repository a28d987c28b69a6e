#!/usr/bin/env python3
"""Our linter against pkilint and zlint over whole corpora: every certificate of PKITS, of x509-limbo's cases outside the
Web, of the AdES suites, of ../ and of the folders given. `compare-lint` calls it.

Each rule on which we differ must stand in lint-peers.toml with who is right, by clause, and over the public suites with how
often; one that stands there and no longer happens is a failure too. The table is docs/lint-comparison.md.
"""

import argparse
import os
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import lint_corpus
import lint_peers

HERE = Path(__file__).resolve().parent
RULES = HERE / "lint-peers.toml"
TABLE = HERE.parents[1] / "docs/lint-comparison.md"
SUITES = ("pkits", "limbo", "ades")
PEERS = ("pkilint", "zlint")


def said(rules):
    """Of ours, what weighs as much as what counts of theirs."""
    return {r for r, severity in rules.items() if severity != "notice"}


class Peer:
    def __init__(self, name, known):
        self.name = name
        self.rules = {theirs: set(ours) for theirs, ours in known["rules"].items()}
        self.lacks = set(known["lacks"])
        self.answers = defaultdict(set)
        for theirs, ours in self.rules.items():
            for one in ours:
                self.answers[one].add(theirs)
        self.unmapped = set()
        # (side, rule) -> count, in the suites and elsewhere
        self.differs = Counter()
        self.differs_own = Counter()
        self.agrees = Counter()
        self.lacking = Counter()

    def add(self, suite, ours, theirs):
        differs = self.differs if suite else self.differs_own
        for rule in theirs:
            if rule not in self.rules:
                self.unmapped.add(rule)
            elif self.rules[rule] & ours.keys():
                self.agrees["they", rule] += suite
            else:
                differs["they", rule] += 1
        for rule in said(ours):
            if rule in self.lacks:
                self.lacking[rule] += 1
            elif rule not in self.answers:
                self.unmapped.add(rule)
            elif self.answers[rule] & theirs:
                self.agrees["we", rule] += suite
            else:
                differs["we", rule] += 1


def problems(peers, known):
    listed = {}
    for one in known["difference"]:
        key = (one["peer"], one["side"], one["rule"])
        if key in listed:
            yield f"{key} stands twice"
        listed[key] = one
        if one["right"] not in ("we", "they", "both") or not one["why"]:
            yield f"{key}: who is right, and why?"
    for peer in peers:
        for rule in sorted(peer.unmapped):
            yield f"{peer.name}: {rule} is in no table"
        for rule in sorted(peer.lacks & peer.answers.keys()):
            yield f"{peer.name}: {rule} is said to be lacking and has a counterpart"
        for rule in sorted(peer.lacks - peer.lacking.keys()):
            yield f"{peer.name}: {rule} is said to be lacking and found nothing"
        for (side, rule), count in sorted((peer.differs | peer.differs_own).items()):
            one = listed.get((peer.name, side, rule))
            if one is None:
                yield f"{peer.name}: {side} alone, {rule}, {count} times: not explained"
    for (name, side, rule), one in listed.items():
        peer = next(p for p in peers if p.name == name)
        count, own = peer.differs[side, rule], peer.differs_own[side, rule]
        if count != one.get("count", 0):
            yield f"{name}: {side} alone, {rule}: {count} times in the suites, {one.get('count', 0)} expected"
        if count + own == 0:
            yield f"{name}: {side} alone, {rule}: explained, and does not happen"


def table(peers, known, counts):
    why = {(d["peer"], d["side"], d["rule"]): d for d in known["difference"]}
    lines = [
        "# Our linter beside pkilint and zlint",
        "",
        "Made by `test-vectors/judges/compare-lint --write`, which without `--write` fails where anything differs from this.",
        f"pkilint 0.13.3 (PKIX linter; for persons its ETSI linter too) from weight WARNING on, zlint 3.6.4 (sources "
        f"{lint_peers.ZLINT_SOURCES.replace(',', ', ')}) from `warn` on, ours from warning on, over "
        + ", ".join(f"{counts[s]} certificates of {t}" for s, t in zip(SUITES, ("PKITS", "x509-limbo", "the AdES suites")))
        + ". Each counts once for each rule. A difference says who is right, and why.",
    ]
    for peer in peers:
        lines += ["", f"## {peer.name}", "", "| Its rule | Ours | Both | It alone | Right | Why |", "|---|---|---|---|---|---|"]
        for rule in sorted(peer.rules):
            one = why.get((peer.name, "they", rule))
            ours = ", ".join(f"`{r}`" for r in sorted(peer.rules[rule])) or "none"
            alone = peer.differs["they", rule]
            right = f"{one['right']} | {one['why']}" if one else " | "
            lines.append(f"| `{rule}` | {ours} | {peer.agrees['they', rule]} | {alone} | {right} |")
        lines += ["", "| Our rule | Both | We alone | Right | Why |", "|---|---|---|---|---|"]
        for rule in sorted(peer.answers):
            if not (peer.agrees["we", rule] or peer.differs["we", rule]):
                continue
            one = why.get((peer.name, "we", rule))
            right = f"{one['right']} | {one['why']}" if one else " | "
            lines.append(f"| `{rule}` | {peer.agrees['we', rule]} | {peer.differs['we', rule]} | {right} |")
        lines += ["", f"Rules of ours that found something and that {peer.name} does not have: "
                  + ", ".join(f"`{r}`" for r in sorted(peer.lacks)) + "."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", default=os.environ.get("ESIGN_CORPORA"))
    parser.add_argument("--esign", default=os.environ.get("ESIGN"))
    parser.add_argument("--zlint", required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("own", nargs="*")
    args = parser.parse_args()
    if not args.corpora or not args.esign:
        sys.exit("set ESIGN_CORPORA and ESIGN")
    known = tomllib.loads(RULES.read_text())
    peers = [Peer(name, known[name]) for name in PEERS]
    certificates = list(lint_corpus.corpora(args.corpora, [HERE.parent / "foreign", HERE.parent / "pdf", *args.own]))
    counts = Counter(corpus for corpus, _ in certificates)
    for corpus, _, ours, *theirs in lint_peers.judge(certificates, args.esign, args.zlint):
        for peer, found in zip(peers, theirs):
            peer.add(corpus in SUITES, ours, found)
    wrong = list(problems(peers, known))
    made = table(peers, known, counts)
    if args.write:
        TABLE.write_text(made)
    elif not TABLE.exists() or TABLE.read_text() != made:
        wrong.append(f"{TABLE.name} is not what comes out: --write")
    for one in wrong:
        print(f"FAIL  compare   {one}")
    total = sum(counts.values())
    print(f"{'ok   ' if not wrong else 'FAIL '} compare   {total} certificates ({dict(counts)}), {len(wrong)} unexplained")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
