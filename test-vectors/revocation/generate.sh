#!/usr/bin/env bash
# Makes the OCSP requests, OCSP responses and revocation lists of this folder with OpenSSL (3.0 or newer): a root, three
# certificates under it, and responders that may and may not answer.
#   test-vectors/revocation/generate.sh      writes beside itself; keys are new on each run and thrown away
# What each file must be taken for stands in esign-core/tests/revocation_openssl.rs. The times of OpenSSL's answers are those
# at which they were made: `made-at.txt` has one of them.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f ./*.ocsp ./*.req ./*.crl ./*.pem
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

cat >"$work/ca.cnf" <<C
[none]
[root_ext]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf_ext]
keyUsage = critical,nonRepudiation
authorityKeyIdentifier = keyid
[responder_ext]
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = yes
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[unnamed_ext]
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
[ca]
default_ca = list
[list]
database = $work/index.txt
crlnumber = $work/number
default_md = sha256
default_crl_days = 36500
unique_subject = no
[list_ext]
authorityKeyIdentifier = keyid
[part_ext]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@part
[part]
fullname = URI:http://ca.example.az/part.crl
onlyuser = TRUE
[indirect_ext]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@indirect
[indirect]
indirectCRL = TRUE
[reasons_ext]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@reasons
[reasons]
onlysomereasons = keyCompromise
[delta_ext]
authorityKeyIdentifier = keyid
2.5.29.27 = critical,DER:02:01:01
[odd_ext]
authorityKeyIdentifier = keyid
1.2.3.4 = critical,DER:05:00
C
quietly openssl req -x509 "${new[@]}" -keyout "$work/root.key" -out root.pem -subj "/C=AZ/O=Test/CN=Revocation test root" \
    -days 36500 -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n'; cat "$work/ca.cnf") -extensions root_ext
certificate() { # NAME SERIAL EXTENSIONS DAYS
    quietly openssl req -new "${new[@]}" -keyout "$work/$1.key" -out "$work/$1.csr" -subj "/C=AZ/O=Test/CN=Revocation test $1"
    quietly openssl x509 -req -in "$work/$1.csr" -CA root.pem -CAkey "$work/root.key" -set_serial "$2" -days "$4" \
        -extfile "$work/ca.cnf" -extensions "$3" -out "$1.pem"
}
certificate good 0x1001 leaf_ext 36000
certificate revoked 0x1002 leaf_ext 36000
certificate held 0x1003 leaf_ext 36000
certificate unknown 0x1004 leaf_ext 36000
certificate responder 0x2001 responder_ext 36000
certificate unnamed 0x2002 unnamed_ext 36000
# Expired when it answers: OpenSSL 3.0 makes certificates for the past with `ca` alone.
quietly openssl req -new "${new[@]}" -keyout "$work/expired.key" -out "$work/expired.csr" -subj "/C=AZ/O=Test/CN=Revocation test expired"
: >"$work/issued.txt"
cat >"$work/past.cnf" <<C
[ca]
default_ca = past
[past]
database = $work/issued.txt
new_certs_dir = $work
default_md = sha256
policy = any
rand_serial = yes
[any]
countryName = optional
organizationName = optional
commonName = optional
C
quietly openssl ca -batch -notext -config "$work/past.cnf" -in "$work/expired.csr" -cert root.pem -keyfile "$work/root.key" \
    -startdate 20200101000000Z -enddate 20210101000000Z -extfile "$work/ca.cnf" -extensions responder_ext -out expired.pem

until=21260101000000Z
line() { printf '%s\t%s\t%s\t%s\tunknown\t/CN=x\n' "$1" "$until" "$2" "$3"; }
{
    line V '' 1001
    line R 260101120000Z,keyCompromise 1002
    line R 260102120000Z,certificateHold 1003
} >"$work/index.txt"

date -u +%Y-%m-%dT%H:%M:%SZ >made-at.txt
answer() { # NAME SIGNER CERTIFICATES [QUERY-OPTION...] -- [ANSWER-OPTION...]
    local name=$1 signer=$2 certificates=() query=()
    for c in $3; do certificates+=(-cert "$c.pem"); done
    shift 3
    while [ "${1:-}" != -- ]; do query+=("$1"); shift; done
    shift
    local key="$work/$signer.key"
    quietly openssl ocsp -issuer root.pem "${query[@]}" "${certificates[@]}" -reqout "$name.req"
    quietly openssl ocsp -index "$work/index.txt" -CA root.pem -rsigner "$signer.pem" -rkey "$key" -reqin "$name.req" \
        -respout "$name.ocsp" "$@"
}
answer issuer root good -- -ndays 36500
answer issuer-key root good -- -ndays 36500 -resp_key_id
answer delegated responder good -- -ndays 36500
answer delegated-key responder good -- -ndays 36500 -resp_key_id
answer sha256 responder good -sha256 -- -ndays 36500
answer no-nonce responder good -no_nonce -- -ndays 36500
answer no-certificates responder good -- -ndays 36500 -resp_no_certs
answer several responder "good revoked held unknown" -- -ndays 36500
answer revoked responder revoked -- -ndays 36500
answer held responder held -- -ndays 36500
answer unknown responder unknown -- -ndays 36500
answer no-next-update responder good -- -nrequest 1
answer unnamed unnamed good -- -ndays 36500
answer expired-responder expired good -- -ndays 36500

signed() { # NAME SIGNER: a request signed by SIGNER
    quietly openssl ocsp -issuer root.pem -cert good.pem -signer "$2.pem" -signkey "$work/$2.key" -reqout "$1.req"
}
signed signed good

list() { # NAME NUMBER EXTENSIONS [OPTION...]
    local name=$1 number=$2 extensions=$3
    shift 3
    echo "$number" >"$work/number"
    quietly openssl ca -config "$work/ca.cnf" -gencrl -keyfile "$work/root.key" -cert root.pem -crlexts "$extensions" \
        -out "$work/list.pem" "$@"
    openssl crl -in "$work/list.pem" -outform DER -out "$name.crl"
}
list complete 01 list_ext
list part 02 part_ext
list indirect 03 indirect_ext
list reasons 04 reasons_ext
list odd 05 odd_ext
list sha512 06 list_ext -md sha512
# One more is revoked since the first list, and one is no longer on hold.
{
    line R 260103120000Z,cessationOfOperation 1001
    line R 260101120000Z,removeFromCRL 1003
} >"$work/index.txt"
list delta 07 delta_ext
: >"$work/index.txt"
list empty 08 list_ext
