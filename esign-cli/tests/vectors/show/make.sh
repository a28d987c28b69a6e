#!/bin/sh
# Makes the vectors of this folder with OpenSSL 3: a qualified certificate with an extension that
# nobody knows, and an OCSP response about it. Keys are thrown away.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/c.cnf" <<'C'
[req]
distinguished_name = dn
prompt = no
utf8 = yes
string_mask = utf8only
[dn]
C = AZ
CN = Əliyev Əli
SN = Əliyev
GN = Əli
serialNumber = PNOAZ-5AB2CDE
organizationIdentifier = VATAZ-1234567890
[ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, nonRepudiation
extendedKeyUsage = 1.3.6.1.5.5.7.3.36
certificatePolicies = 0.4.0.194112.1.2
1.3.6.1.5.5.7.1.3 = ASN1:SEQUENCE:qc
1.2.3.4.5 = critical, DER:0102030405
[qc]
a = SEQUENCE:compliance
b = SEQUENCE:sscd
c = SEQUENCE:type
d = SEQUENCE:retention
e = SEQUENCE:pds
[compliance]
a = OID:0.4.0.1862.1.1
[sscd]
a = OID:0.4.0.1862.1.4
[type]
a = OID:0.4.0.1862.1.6
b = SEQUENCE:types
[types]
a = OID:0.4.0.1862.1.6.1
[retention]
a = OID:0.4.0.1862.1.3
b = INTEGER:10
[pds]
a = OID:0.4.0.1862.1.5
b = SEQUENCE:pdss
[pdss]
a = SEQUENCE:one
[one]
a = IA5STRING:https://example.az/pds
b = PRINTABLESTRING:az
C
new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650"
$new -keyout "$work/ca.key" -out "$work/ca.pem" -subj "/CN=SINAQ CA"
$new -keyout "$work/k.key" -out qualified.pem -config "$work/c.cnf" -extensions ext \
    -CA "$work/ca.pem" -CAkey "$work/ca.key" -set_serial 77
printf 'R\t350101000000Z\t260101000000Z,keyCompromise\t4D\tunknown\t/CN=x\n' > "$work/index.txt"
openssl ocsp -issuer "$work/ca.pem" -cert qualified.pem -reqout "$work/q.der" -no_nonce
openssl ocsp -index "$work/index.txt" -CA "$work/ca.pem" -rsigner "$work/ca.pem" \
    -rkey "$work/ca.key" -reqin "$work/q.der" -respout ocsp.der -ndays 30
printf 'salam\n' > "$work/content"
openssl cms -sign -in "$work/content" -binary -signer qualified.pem -inkey "$work/k.key" \
    -certfile "$work/ca.pem" -outform DER -out message.p7s
