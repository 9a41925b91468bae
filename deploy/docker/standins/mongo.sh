#!/bin/bash
# Starts MongoDB as the official image does: as its own user, and on an empty disk after a first, private start in which
# the administrator is made.

set -eu

if [ "$(id -u)" = 0 ]; then
    chown -R mongodb:mongodb /data
    exec setpriv --reuid=mongodb --regid=mongodb --init-groups env HOME=/data/db "$0" "$@"
fi

if [ ! -e /data/db/WiredTiger ]; then
    mongod --fork --bind_ip 127.0.0.1 --logpath /tmp/first.log --pidfilepath /tmp/first.pid
    mongosh --quiet admin <<EOF
db.createUser({user: "$MONGO_INITDB_ROOT_USERNAME", pwd: "$MONGO_INITDB_ROOT_PASSWORD", roles: ["root"]})
EOF
    mongod --shutdown
fi

unset MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_ROOT_PASSWORD
exec "$@" --auth
