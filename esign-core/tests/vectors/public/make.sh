#!/bin/sh
# Makes public keys and signatures of the algorithms that are verified only, with OpenSSL 3.
# NAME.pub.der is a SubjectPublicKeyInfo, NAME.DIGEST.sig a signature over message.txt.
set -eu
cd "$(dirname "$0")"
rm -f ./*.der ./*.sig ./*.pss
printf 'Qanun' >message.txt

take() { # NAME DIGEST…
    n=$1
    shift
    openssl pkey -in key.tmp -pubout -outform DER -out $n.pub.der
    for d in "$@"; do openssl dgst -$d -sign key.tmp -out $n.$d.sig message.txt; done
}
# Two keys over the same parameters: one may inherit those of the other.
openssl dsaparam -out p.tmp 1024
for n in issuer subject; do
    openssl gendsa -out key.tmp p.tmp
    take dsa1024-$n sha1 sha224 sha256 sha384 sha512
done
openssl dsaparam -genkey -out key.tmp 2048
take dsa2048 sha256
for c in P256r1 P256t1 P384r1 P384t1; do
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpool$c -out key.tmp
    take brainpool$c sha1 sha256 sha384 sha512
done
for c in brainpoolP512r1 secp256k1 secp224r1; do
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$c -out key.tmp
    take $c
done
# The curve is P-256, but spelt out (RFC 5480 2.1.1 allows its name alone).
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out key.tmp
take explicit
# Short RSA, with what ring has for 2048 bits and more only.
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key.tmp
take rsa1024 sha1 sha256 sha384 sha512
for d in sha1 sha256 sha384; do
    openssl dgst -$d -sign key.tmp -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest \
        -out rsa1024.$d.pss message.txt
done
rm ./*.tmp
