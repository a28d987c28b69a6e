#!/bin/sh
# Makes the key files of this folder with the tools that people have them from: OpenSSL 3 (its
# legacy provider included) and the keytool of Java 17. What no tool at hand writes (BER with
# indefinite lengths, PBMAC1) is put together by ber.py from what OpenSSL wrote.
# The keys are new in each run; the tests compare with the *.pub.der beside them.
set -eu
cd "$(dirname "$0")"
export LC_ALL=C.UTF-8
rm -f ./*.pem ./*.der ./*.p12
printf 'Şifrə-əĞ1\n' >passphrase.txt
P=file:passphrase.txt
old="-provider default -provider legacy"

for c in P-256 P-384 P-521; do
    n=$(echo $c | tr -d - | tr P p)
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$c -out $n.pem
    openssl ec -in $n.pem -out $n.sec1.pem
done
openssl genpkey -algorithm ED25519 -out ed25519.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa2048.pem
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss2048.pem
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 \
    -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384 \
    -pkeyopt rsa_pss_keygen_saltlen:48 -out pss2048-sha384.pem
openssl rsa -traditional -in rsa2048.pem -out rsa2048.pkcs1.pem
# A PEM file with parameters before the key, as `openssl ecparam -genkey` writes it.
{ openssl ecparam -name prime256v1; cat p256.sec1.pem; } >p256.params.pem
for n in p256 p384 p521 ed25519 rsa2048 pss2048 pss2048-sha384; do
    openssl pkey -in $n.pem -pubout -outform DER -out $n.pub.der
done
openssl pkey -in p256.pem -outform DER -out p256.der
openssl ec -in p256.pem -outform DER -out p256.sec1.der
openssl rsa -traditional -in rsa2048.pem -outform DER -out rsa2048.pkcs1.der
# The largest that is read; takes a minute.
openssl genrsa -traditional 8192 | openssl rsa -traditional -outform DER -out rsa8192.pkcs1.der
openssl rsa -in rsa8192.pkcs1.der -pubout -outform DER -out rsa8192.pub.der

# What is refused: other kinds, too short, explicit parameters, OpenSSL's own encryption.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out secp256k1.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
    -pkeyopt ec_param_enc:explicit -out explicit.pem
openssl genpkey -algorithm X25519 -out x25519.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa1024.pem
openssl rsa -traditional -aes128 -passout $P -in rsa2048.pem -out rsa2048.dek.pem

# Encrypted PKCS#8.
k8() { openssl pkcs8 -topk8 -in "$2.pem" -passout $P -out "$2.$1.pem" $3; }
k8 pbkdf2 p256 ""
k8 sha1 p256 "-v2 aes-256-cbc -v2prf hmacWithSHA1"
k8 sha384 p256 "-v2 aes-192-cbc -v2prf hmacWithSHA384"
k8 sha512 p256 "-v2 aes-256-cbc -v2prf hmacWithSHA512"
k8 aes128 p256 "-v2 aes-128-cbc -iter 600000"
k8 des3 p256 "-v2 des-ede3-cbc -v2prf hmacWithSHA1"
k8 scrypt p256 "-scrypt"
k8 v1-md5-des p256 "-v1 PBE-MD5-DES $old"
k8 v1-sha1-des p256 "-v1 PBE-SHA1-DES $old"
k8 v1-3des p256 "-v1 PBE-SHA1-3DES $old"
k8 v1-2des p256 "-v1 PBE-SHA1-2DES $old"
k8 v1-rc2-128 p256 "-v1 PBE-SHA1-RC2-128 $old"
k8 v1-rc2-40 p256 "-v1 PBE-SHA1-RC2-40 $old"
k8 v1-rc4 p256 "-v1 PBE-SHA1-RC4-128 $old"
k8 pbkdf2 ed25519 ""
k8 pbkdf2 rsa2048 ""
openssl pkcs8 -topk8 -in p256.pem -passout $P -outform DER -out p256.pbkdf2.der

# PKCS#12: an end entity and the authority above it.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout ca.key -noenc -out ca.crt \
    -subj "/CN=SINAQ CA" -days 3650 -sha256
for n in p256 rsa2048 ed25519; do
    openssl req -new -key $n.pem -subj "/CN=SINAQ $n" -out $n.csr
    openssl x509 -req -in $n.csr -CA ca.crt -CAkey ca.key -days 3650 -out $n.crt
done
p12() { openssl pkcs12 -export -inkey "$2.pem" -in "$2.crt" -certfile ca.crt -name "Açar əĞ" \
    -passout $P -out "$2.$1.p12" $3; }
p12 modern p256 ""
p12 modern rsa2048 ""
p12 modern ed25519 ""
p12 sha1 p256 "-macalg sha1"
p12 sha384 p256 "-macalg sha384"
p12 sha512 p256 "-macalg sha512"
p12 iter p256 "-iter 100000"
p12 legacy p256 "-legacy"
p12 legacy rsa2048 "-legacy"
p12 rc2-128 p256 "-legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-2DES"
p12 nomac p256 "-nomac"
p12 plain p256 "-keypbe NONE -certpbe NONE"
openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout pass: -out p256.empty.p12
openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout pass: -legacy -out p256.empty-legacy.p12
openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout $P -keypbe NONE -certpbe NONE \
    -nomac -out open.p12
openssl pkcs12 -export -nokeys -in p256.crt -passout $P -out certificates.p12

# Two keys of Java, by today's defaults and by those of Java 8; keytool wants ASCII.
for d in "" legacy; do
    f=java${d:+-$d}.p12
    for n in p256 rsa2048; do
        openssl pkcs12 -export -inkey $n.pem -in $n.crt -name $n -passout pass:changeit -out one.tmp
        keytool ${d:+-J-Dkeystore.pkcs12.legacy} -importkeystore -noprompt \
            -srckeystore one.tmp -srcstoretype PKCS12 -srcstorepass changeit \
            -destkeystore $f -deststoretype PKCS12 -deststorepass changeit
        rm one.tmp
    done
done
python3 ber.py
rm -f ./*.csr ./*.key
for n in p256 rsa2048 ed25519 ca; do
    openssl x509 -in $n.crt -outform DER -out $n.crt.der
    rm $n.crt
done
