#!/usr/bin/env python3
"""Makes leaf.json: the canonical octets of audit entries (docs/formats/audit-log.md), independently
of the Rust code. Run in this folder; needs Python 3 alone."""
import base64, hashlib, json

def text(value):
    return json.dumps(value, ensure_ascii=False)

def leaf(e):
    body = e["body"] * e.get("repeat", 1)
    head = '{"v":1,"id":%d,"at":%d,"by":%s,"why":%s,"kind":%s' % (
        e["id"], e["at"], text(e["by"]), text(e["why"]), text(e["kind"]))
    whole = head + ',"body":' + body + "}"
    if len(whole.encode()) > 65535:
        digest = hashlib.sha256(body.encode()).hexdigest()
        whole = head + ',"body-digest":"' + digest + '"}'
    return whole

entries = [
    dict(id=1, at=1795000000, by="admin", why="", kind="issuer.add", body='{"key":"00"}'),
    dict(id=2, at=-1, by="Əliyeva Günəş", why='said "lost"\\\n\tlast\u001f\u007f week',
         kind="certificate.revoke", body='{"certificate":{"issuer":"ab","serial":"01"},"reason":"key_compromise"}'),
    dict(id=9223372036854775807, at=0, by="ş", why="😀", kind="x", body="{}"),
    dict(id=4, at=5, by="a", why="b", kind="long", body="1", repeat=65535),
]
for e in entries:
    e["leaf"] = leaf(e)
    e["hash"] = base64.b64encode(hashlib.sha256(b"\0" + e["leaf"].encode()).digest()).decode()
with open("leaf.json", "w", encoding="utf-8") as out:
    json.dump(entries, out, ensure_ascii=False, indent=1)
    out.write("\n")
