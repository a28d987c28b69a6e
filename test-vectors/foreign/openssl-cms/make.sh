#!/bin/sh
# Signs with `openssl cms` in every algorithm and form that EN 319 122-1 knows and OpenSSL makes.
#
#   OPENSSL=/path/to/openssl ./make.sh [FOLDER]
#
# Needs OpenSSL 3.4 or newer (validity times; Ed25519 in CMS). Without FOLDER the files here are
# replaced. Keys are made anew and thrown away, so every file differs from run to run; what each
# must be stands in esign-core/tests/openssl_cms.rs.
set -eu
openssl=${OPENSSL:-openssl}
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT
mkdir -p "$out"
rm -f "$out"/*.p7s "$out"/*.p7m "$out"/*.pem
from=20260101000000Z
to=20560101000000Z

key() { # NAME ALGORITHM [OPTION…]
    name=$1 algorithm=$2
    shift 2
    "$openssl" genpkey -quiet -algorithm "$algorithm" "$@" -out "$keys/$name.key"
}

ec() { key "$1" EC -pkeyopt "ec_paramgen_curve:$2"; }
rsa() { key "$1" RSA -pkeyopt "rsa_keygen_bits:$2"; }

# --- a root, its certificates and its list -------------------------------------------------------
cat >"$keys/ca.cnf" <<CNF
[req]
distinguished_name = none
[none]
[root]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
keyUsage = critical, digitalSignature, nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = this
[this]
database = $keys/index
crlnumber = $keys/number
default_md = sha384
[list]
authorityKeyIdentifier = keyid
CNF
: >"$keys/index"
echo 01 >"$keys/number"
ec root P-384
"$openssl" req -x509 -new -config "$keys/ca.cnf" -extensions root -key "$keys/root.key" -sha384 \
    -subj "/C=AZ/O=SINAQ/CN=SINAQ OpenSSL root" -not_before $from -not_after $to -out "$out/root.pem"
"$openssl" ca -gencrl -config "$keys/ca.cnf" -crlexts list -cert "$out/root.pem" -keyfile "$keys/root.key" \
    -crl_lastupdate $from -crl_nextupdate $to -out "$out/crl.pem" 2>"$keys/log"

certify() { # NAME
    "$openssl" req -new -config "$keys/ca.cnf" -key "$keys/$1.key" -subj "/C=AZ/O=SINAQ/CN=SINAQ $1" \
        -out "$keys/$1.csr"
    "$openssl" x509 -req -in "$keys/$1.csr" -CA "$out/root.pem" -CAkey "$keys/root.key" -sha384 \
        -extfile "$keys/ca.cnf" -extensions leaf -not_before $from -not_after $to -out "$keys/$1.pem" \
        2>"$keys/log"
}

rsa rsa2048 2048
rsa rsa3072 3072
key pss2048 RSA-PSS -pkeyopt rsa_keygen_bits:2048
ec p256 P-256
ec p384 P-384
ec p521 P-521
key ed25519 ED25519
for name in rsa2048 rsa3072 pss2048 p256 p384 p521 ed25519; do certify $name; done

# --- signatures ----------------------------------------------------------------------------------
content=$out/content.bin
# Line ends of both kinds and a zero octet: -binary leaves them alone.
printf 'T\303\251st \311\231\r\nline\n\000end' >"$content"

sign() { # FILE DIGEST OPTION…
    file=$1 digest=$2
    shift 2
    "$openssl" cms -sign -cades -binary -in "$content" -outform DER -md "$digest" -out "$out/$file" "$@"
    "$openssl" cms -verify -cades -binary -inform DER -in "$out/$file" -content "$content" \
        -CAfile "$out/root.pem" -purpose any -out "$keys/verified" 2>"$keys/log" ||
        { echo "$file is refused by OpenSSL itself:" && cat "$keys/log" && exit 1; } >&2
    cmp -s "$content" "$keys/verified"
}

by() { echo "-signer $keys/$1.pem -inkey $keys/$1.key"; }
pss() { echo "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:$1"; }

two() { # NAME DIGEST OPTION…: detached, and enveloping in DER
    name=$1 digest=$2
    shift 2
    sign "$name.p7s" "$digest" "$@"
    sign "$name.p7m" "$digest" -nodetach "$@"
}

three() { # NAME DIGEST OPTION…: those, and enveloping in BER, as streamed
    two "$@"
    shift 2
    sign "$name.ber.p7m" "$digest" -nodetach -stream -indef "$@"
}

# Options are lists of words: they are to be split.
# shellcheck disable=SC2046
{
    three rsa-sha256 sha256 $(by rsa2048)
    three rsa-sha512 sha512 $(by rsa3072)
    # OpenSSL 4.0 can neither stream PSS nor add such a signer: "illegal zero content".
    two pss-digest sha256 $(by rsa2048) $(pss digest)
    two pss-max sha256 $(by rsa2048) $(pss max)
    two pss-sha384-digest sha384 $(by rsa3072) $(pss digest)
    two pss-sha512-zero sha512 $(by rsa3072) $(pss 0)
    two pss-key sha256 $(by pss2048) $(pss digest)
    three p256 sha256 $(by p256)
    three p384 sha384 $(by p384)
    three p521 sha512 $(by p521)
    three p521-sha256 sha256 $(by p521)
    three ed25519 sha512 $(by ed25519)
    three several sha512 $(by rsa2048) $(by p521) $(by ed25519)
    two several-pss sha512 $(by rsa2048) $(by rsa3072) $(pss digest) $(by pss2048) $(pss digest)
    three keyid sha256 $(by p256) -keyid
    # One after another: the second signer adds to what the first one made.
    "$openssl" cms -resign -cades -binary -inform DER -in "$out/p521.p7m" -nodetach -outform DER -md sha512 \
        $(by rsa2048) -out "$out/resigned.p7m"
    # `-stream` writes the content into the message, also without -nodetach: nothing detached in BER.
}
"$openssl" version >"$out/made-by.txt"
