"""Compares what `esign verify --json` says (stdin) with the manifest: STATUS EXPECTED INTEGRITY."""

import json
import sys

status, expected, integrity = int(sys.argv[1]), sys.argv[2], sys.argv[3]
EXIT = {"TOTAL-PASSED": 0, "TOTAL-FAILED": 1, "INDETERMINATE": 3}
try:
    report = json.load(sys.stdin)
except ValueError:
    sys.exit(print(f"no JSON, exit status {status}"))
overall = report["indication"]
found = [signature["integrity"] for signature in report["signatures"]]
if EXIT.get(overall) != status:
    print(f"{overall} with exit status {status}")
elif expected == "passed" and overall != "TOTAL-PASSED":
    print(f"{overall}, integrity {found}")
elif expected == "failed" and overall != "TOTAL-FAILED":
    print(f"{overall}, integrity {found}")
elif expected == "not passed" and overall == "TOTAL-PASSED":
    print(overall)
elif integrity == "intact" and any(value != "intact" for value in found):
    print(f"integrity {found}, not all intact")
elif integrity == "broken" and "broken" not in found:
    print(f"integrity {found}, none broken")
else:
    print("as-expected")
