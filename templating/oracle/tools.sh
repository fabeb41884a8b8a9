#!/bin/sh
# Makes cases/fixtures/tools: keys, certificates and stores as OpenSSL 3.0 and keytool (Java 17) write them. They protect
# nothing. They are checked in; run it anew only if a new kind is needed, and then the corpus.
set -eu
cd "$(dirname "$0")/cases/fixtures"
rm -rf tools && mkdir tools && cd tools
days=36500
ca() { # name, key options
  name=$1; shift
  openssl req -x509 -newkey "$@" -nodes -keyout "$name.key" -out "$name.pem" -days $days -subj "/O=Test/CN=$name" -sha256
}
signed() { # name, issuer, extensions, key options
  name=$1; issuer=$2; extensions=$3; shift 3
  openssl req -newkey "$@" -nodes -keyout "$name.key" -out "$name.csr" -subj "/CN=$name"
  printf '%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' "$extensions" > ext
  openssl x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -CAcreateserial -out "$name.pem" -days $days -extfile ext
}
ca root ec -pkeyopt ec_paramgen_curve:P-256
signed middle root basicConstraints=critical,CA:true ec -pkeyopt ec_paramgen_curve:P-384
signed ec middle subjectAltName=DNS:a.test,IP:192.0.2.1,email:a@a.test,URI:spiffe://a/b ec -pkeyopt ec_paramgen_curve:P-256
signed rsa middle subjectAltName=DNS:r.test rsa:2048
signed ed25519 middle subjectAltName=DNS:e.test ed25519
cat middle.pem root.pem > others.pem
cat root.pem ec.pem middle.pem > mixed.pem

# Keys: PKCS#8 is what req writes; the older forms, and encrypted ones.
for name in ec rsa; do
  openssl pkey -in $name.key -traditional -out $name-traditional.pem
  openssl pkcs8 -topk8 -in $name.key -passout pass:secret -v2 aes-256-cbc -out $name-encrypted.pem
done
openssl rsa -in rsa.key -aes128 -traditional -passout pass:secret -out rsa-encrypted-traditional.pem
openssl ec -in ec.key -aes256 -passout pass:secret -out ec-encrypted-traditional.pem
{ openssl ecparam -name prime256v1; openssl ec -in ec.key; } > ec-with-parameters.pem

# Stores of OpenSSL: what version 3 writes, what version 1 wrote, and what can be asked for.
pfx() { # name, key, password, options
  name=$1; key=$2; password=$3; shift 3
  openssl pkcs12 -export -inkey "$key.key" -in "$key.pem" -certfile others.pem -passout "pass:$password" -out "$name.pfx" "$@"
}
pfx modern ec secret
pfx modern-rsa rsa secret -name friendly
pfx modern-ed25519 ed25519 secret
pfx modern-empty ec ''
pfx modern-accents ec 'pässwörd'
pfx legacy ec secret -legacy
pfx legacy-rsa rsa secret -legacy -name friendly
pfx legacy-empty ec '' -legacy
pfx 3des ec secret -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1
pfx rc2-128 ec secret -legacy -keypbe PBE-SHA1-RC2-128 -certpbe PBE-SHA1-RC2-128
pfx rc4 ec secret -legacy -keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-128
pfx aes128 ec secret -keypbe AES-128-CBC -certpbe AES-128-CBC -macalg sha512
pfx aes192 ec secret -keypbe AES-192-CBC -certpbe AES-192-CBC -macalg sha1
pfx sha384 ec secret -macalg sha384
pfx many-rounds ec secret -iter 20000
pfx one-round ec secret -iter 1
pfx plain ec '' -keypbe NONE -certpbe NONE
pfx no-mac ec '' -keypbe NONE -certpbe NONE -nomac
openssl pkcs12 -export -inkey ec.key -in ec.pem -passout pass:secret -out alone.pfx
openssl pkcs12 -export -nokeys -in mixed.pem -passout pass:secret -out certificates.pfx

# Stores of keytool.
java() { keytool "$@" -storepass secret > /dev/null 2>&1; }
java -genkeypair -alias own -keyalg RSA -keysize 2048 -dname CN=java -validity $days -storetype PKCS12 -keystore java-rsa.pfx
java -genkeypair -alias own -keyalg EC -groupname secp256r1 -dname CN=java -validity $days -storetype PKCS12 -keystore java-ec.pfx
java -J-Dkeystore.pkcs12.legacy -genkeypair -alias own -keyalg EC -groupname secp256r1 -dname CN=java -validity $days \
  -storetype PKCS12 -keystore java-legacy.pfx
java -importcert -noprompt -alias root -file root.pem -storetype PKCS12 -keystore java-trust.pfx
java -genkeypair -alias own -keyalg EC -groupname secp256r1 -dname CN=java -validity $days -storetype JKS -keystore java.jks
java -importkeystore -srckeystore modern.pfx -srcstorepass secret -srcstoretype PKCS12 -deststoretype PKCS12 \
  -destkeystore java-imported.pfx -deststorepass secret || true
[ -e java-imported.pfx ] || keytool -importkeystore -noprompt -srckeystore modern.pfx -srcstorepass secret -srcstoretype PKCS12 \
  -destkeystore java-imported.pfx -deststorepass secret -deststoretype PKCS12 > /dev/null 2>&1

# What RSA-OAEP and AES make of a text.
printf 'sealed text' > text
openssl pkey -in rsa.key -pubout -out rsa.pub
for hash in sha1 sha256 sha512; do
  openssl pkeyutl -encrypt -pubin -inkey rsa.pub -in text -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:$hash \
    -pkeyopt rsa_mgf1_md:$hash | openssl base64 -A > oaep-$hash.b64
done
# sprig's form: the key filled with zeros to 32 bytes, the initial vector before the ciphertext.
vector=0123456789abcdef
{
  printf %s $vector
  openssl enc -aes-256-cbc -in text -iv "$(printf %s $vector | od -An -tx1 | tr -d ' \n')" \
    -K 6b65790000000000000000000000000000000000000000000000000000000000
} |
  openssl base64 -A > aes.b64
rm -f ./*.csr ./*.srl ext text rsa.pub root.key middle.key
