#!/usr/bin/env bash
# Makes the time-stamps of this folder with OpenSSL (3.0): a TSA's certificate under a root, requests, and
# responses of each digest, with `ESSCertID` (SHA-1) and `ESSCertIDv2`, with and without certificates.
#   test-vectors/tsp/generate.sh      writes beside itself; keys are new on each run
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'stamp me\n' >content.txt
cat >"$work/tsa.cnf" <<C
[tsa_ext]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[two_purposes]
extendedKeyUsage = critical,timeStamping,codeSigning
[not_critical]
extendedKeyUsage = timeStamping
[tsa]
default_tsa = config
[config]
serial = $work/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.5
digests = sha256, sha384, sha512, sha3-256, sha3-384, sha3-512, sha1
accuracy = secs:1, millisecs:500, microsecs:100
clock_precision_digits = 3
tsa_name = yes
ordering = yes
ess_cert_id_chain = no
ess_cert_id_alg = ALG
C
echo 1000 >"$work/serial"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/root.key" -out "$work/root.pem" \
    -subj "/C=AZ/O=Test/CN=Time-stamp test root" -days 36500 2>/dev/null
certificate() { # NAME EXTENSIONS KEY-OPTION...
    local name=$1 extensions=$2
    shift 2
    openssl req -new -newkey "$@" -nodes -keyout "$work/$name.key" -out "$work/$name.csr" \
        -subj "/C=AZ/O=Test/CN=Time-stamp test $name" 2>/dev/null
    openssl x509 -req -in "$work/$name.csr" -CA "$work/root.pem" -CAkey "$work/root.key" -days 36000 \
        -extfile "$work/tsa.cnf" -extensions "$extensions" -out "$work/$name.pem" 2>/dev/null
}
certificate tsa tsa_ext ec -pkeyopt ec_paramgen_curve:P-256
certificate rsa tsa_ext rsa:2048
certificate other tsa_ext ec -pkeyopt ec_paramgen_curve:P-256
cp "$work/root.pem" "$work/tsa.pem" .
# An authority of its own for the tests of ours, with its key.
certificate authority tsa_ext ec -pkeyopt ec_paramgen_curve:P-256
cp "$work/authority.pem" .
cp "$work/authority.key" authority.key.pem
reply() { # NAME CERTIFICATE ESS-DIGEST QUERY-OPTION...
    local name=$1 certificate=$2 ess=$3
    shift 3
    sed "s/ALG/$ess/" "$work/tsa.cnf" >"$work/now.cnf"
    openssl ts -query -data content.txt -out "$name.tsq" "$@" 2>/dev/null
    openssl ts -reply -config "$work/now.cnf" -queryfile "$name.tsq" -signer "$work/$certificate.pem" \
        -inkey "$work/$certificate.key" -chain "$work/root.pem" -out "$name.tsr" 2>/dev/null
    # OpenSSL gives no token where it refuses; that is a fixture as well.
}
for digest in sha256 sha384 sha512 sha3-256 sha3-384 sha3-512; do
    reply "$digest" tsa sha256 "-$digest" -cert
done
reply no-cert tsa sha256 -sha256
reply no-nonce tsa sha256 -sha256 -cert -no_nonce
reply policy tsa sha256 -sha256 -cert -tspolicy 1.2.3.4.5
reply ess-v1 tsa sha1 -sha256 -cert
reply ess-sha512 tsa sha512 -sha256 -cert
reply rsa rsa sha256 -sha256 -cert
reply sha1 tsa sha256 -sha1 -cert
reply refused-policy tsa sha256 -sha256 -cert -tspolicy 1.2.3.4.9
reply refused-algorithm tsa sha256 -sha224 -cert
