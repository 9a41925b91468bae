#!/bin/sh
# Make what docker-compose.yml needs and no repository may hold: passwords, keys and certificates, all random.
#
#   sh deploy/docker/make-secrets.sh [NAME ...]
#
# NAMEs are the host names by which other systems reach this broker (localhost is always among them). What exists is
# kept; to renew a certificate delete deploy/docker/certs and run this again. Back up deploy/docker/secrets: without
# the keys in it, the personal data in the database can never be read again.

set -eu
umask 077
cd "$(dirname "$0")/../.."

command -v openssl >/dev/null || {
    echo "openssl is needed (on Debian and Ubuntu: apt-get install openssl)" >&2
    exit 1
}

CERTS=deploy/docker/certs
SECRETS=deploy/docker/secrets

# The folders are closed to everybody else. The files in them are readable by all, because they are mounted one by one
# into containers that run under another number than their owner here.
make_folder() { # make_folder FOLDER: whole or not at all
    chmod 444 "$1.new"/*
    mv "$1.new" "$1"
}

if [ ! -e .env ]; then
    for name in ADMIN REGISTRY AID NOTIFY; do
        echo "BINAAN_${name}_PASSWORD=$(openssl rand -hex 24)"
    done >.env.new
    mv .env.new .env
    echo "Wrote passwords to .env" >&2
fi

if [ ! -e $SECRETS ]; then
    rm -rf $SECRETS.new
    mkdir -p $SECRETS.new
    openssl rand -base64 256 | tr -d '\n' >$SECRETS.new/mongodb-key
    for service in registry aid notify; do
        printf '{"current": "k1", "keys": {"k1": "%s"}}\n' "$(openssl rand -base64 32)" >$SECRETS.new/$service-keys.json
    done
    make_folder $SECRETS
    echo "Wrote keys to $SECRETS" >&2
fi

if [ ! -e $CERTS ]; then
    rm -rf $CERTS.new
    mkdir -p $CERTS.new
    names=DNS:localhost
    for name in "$@"; do
        names="$names,DNS:$name"
    done
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 -subj "/CN=Binaan local CA" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" \
        -keyout $CERTS.new/ca.key -out $CERTS.new/ca.pem 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=${1:-localhost}" \
        -keyout $CERTS.new/server.key -out $CERTS.new/server.csr 2>/dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names" >$CERTS.new/server.ext
    openssl x509 -req -days 825 -in $CERTS.new/server.csr -CA $CERTS.new/ca.pem -CAkey $CERTS.new/ca.key \
        -extfile $CERTS.new/server.ext -out $CERTS.new/server.pem 2>/dev/null
    rm $CERTS.new/server.csr $CERTS.new/server.ext $CERTS.new/ca.key # nothing else is ever signed with this one
    make_folder $CERTS
    echo "Wrote a certificate for $names to $CERTS; clients trust $CERTS/ca.pem" >&2
fi
