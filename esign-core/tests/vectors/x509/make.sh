#!/bin/sh
# Makes the vectors of this folder with OpenSSL 3; the keys are thrown away.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/x.cnf" <<'CNF'
[req]
distinguished_name = dn
[dn]
[ca_all]
basicConstraints = critical, CA:TRUE, pathlen:3
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical, permitted;DNS:example.az, excluded;IP:10.0.0.0/255.0.0.0
[ee_all]
basicConstraints = CA:FALSE
keyUsage = digitalSignature, nonRepudiation, encipherOnly, decipherOnly
extendedKeyUsage = critical, emailProtection, 1.3.6.1.5.5.7.3.36
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer
subjectAltName = email:a@example.az, DNS:example.az, IP:192.0.2.1, IP:2001:db8::1, URI:http://example.az/x, RID:1.2.3.4, dirName:dir
crlDistributionPoints = point
authorityInfoAccess = OCSP;URI:http://ocsp.example.az, caIssuers;URI:http://example.az/ca.crt
certificatePolicies = 1.2.3.4, @policy
[dir]
C = AZ
O = Qovluq
[point]
fullname = URI:http://example.az/a.crl, URI:ldap://example.az/b
reasons = keyCompromise, CACompromise
CRLissuer = dirName:dir
[policy]
policyIdentifier = 1.3.5.8
CPS.1 = http://example.az/cps
userNotice.1 = @notice
[notice]
explicitText = UTF8:Yalnız sınaq üçün
[ca]
default_ca = one
[one]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 30
crl_extensions = crl_ext
[crl_ext]
authorityKeyIdentifier = keyid
CNF
cd "$work"
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -utf8 -new -key ca.key -config x.cnf -extensions ca_all -days 20000 \
  -set_serial 0x00f0f1f2f3f4f5f6f7f8f9fafbfcfdfe -subj "/C=AZ/O=Sınaq/CN=Kök" -out ca.pem
openssl genrsa -out ee.key 2048 2>/dev/null
openssl req -utf8 -new -key ee.key -config x.cnf -subj "/C=AZ/O=A, B \\+ C/CN=Əli \"Ö\"" -out ee.csr
openssl x509 -req -in ee.csr -CA ca.pem -CAkey ca.key -set_serial 77 -days 10000 \
  -sha384 -extfile x.cnf -extensions ee_all -out ee.pem 2>/dev/null
openssl genpkey -algorithm ed25519 -out v1.key
openssl req -new -key v1.key -config x.cnf -subj "/CN=v1" -out v1.csr
openssl x509 -req -in v1.csr -signkey v1.key -set_serial 1 -days 10000 -out v1.pem 2>/dev/null
openssl genpkey -algorithm x448 -out x448.key
openssl pkey -in x448.key -pubout -out x448.pub
openssl x509 -new -force_pubkey x448.pub -CA ca.pem -CAkey ca.key -set_serial -5 -subj "/CN=x448" \
  -days 10000 -out x448.pem
printf 'R\t400101000000Z\t250203040506Z,keyCompromise\t0A0B\tunknown\t/CN=x\n' > index.txt
printf 'R\t400101000000Z\t250204040506Z\t00F00D\tunknown\t/CN=y\n' >> index.txt
printf 'R\t400101000000Z\t250205040506Z,holdInstruction,holdInstructionReject\t77\tunknown\t/CN=z\n' >> index.txt
echo 1F > crlnumber
touch index.txt.attr
openssl ca -gencrl -config x.cnf -cert ca.pem -keyfile ca.key -out list.crl 2>/dev/null
cd - >/dev/null
cat "$work/ca.pem" "$work/ee.pem" "$work/v1.pem" "$work/x448.pem" > certificates.pem
openssl crl -in "$work/list.crl" -outform DER -out list.crl
openssl req -in "$work/ee.csr" -outform DER -out request.der
