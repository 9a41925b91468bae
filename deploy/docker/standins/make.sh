#!/bin/sh
# Get the images that docker-compose.yml names, or make stand-ins for them where no image registry can be reached.
#
#   sh deploy/docker/standins/make.sh
#
# An image that is there is kept; one that can be pulled is pulled. What is left is made from Debian's packages, under
# the name of the image it stands in for, so that docker-compose.yml and the tests run on it unchanged:
#
#   python:3.11-slim       Debian 12 with Python 3.11, and the packages of deploy/docker/requirements.lock as files
#   rabbitmq:4-management  Debian 13 with its RabbitMQ 4.0
#   mongo:8                Debian 13 with MongoDB 6.0 (deploy/local/mongodb.lock) and MongoDB's own shell
#
# They are for trying and testing only. `docker image rm` removes them, and the real ones are taken again. Making them
# needs root, debootstrap and npm, and access to Debian's archive (DEBIAN_MIRROR names another), PyPI and npm; about three minutes.

set -eu
cd "$(dirname "$0")/../../.."

HERE=deploy/docker/standins
TREES=.local/standins
MONGOSH=2.12.0
DEBIAN=${DEBIAN_MIRROR:-} # empty: debootstrap's own

say() { printf '%s\n' "$*" >&2; }

have() { docker image inspect "$1" >/dev/null 2>&1 || timeout 300 docker pull --quiet "$1" >/dev/null 2>&1; }

need() { # need COMMAND...
    for command in "$@"; do
        command -v "$command" >/dev/null || { say "$command is needed to make a stand-in, and is not there."; exit 1; }
    done
    [ "$(id -u)" = 0 ] || { say "Making a stand-in needs root."; exit 1; }
}

load_tree() { # load_tree TREE IMAGE [CHANGE ...]
    tree=$1 image=$2
    shift 2
    say "Making a stand-in for $image …"
    for change in "$@"; do
        set -- "$@" --change "$change"
        shift
    done
    tar -C "$TREES/$tree" -c . | docker import --message "stand-in, made of Debian's packages" "$@" - "$image" >/dev/null
}

python_tree() { # Debian's Python under the name of the image's, and no other source of packages than the lock's own files
    [ ! -e $TREES/python ] || return 0
    need debootstrap
    sh deploy/local/bootstrap.sh --python
    rm -rf $TREES/python.new
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm $TREES/python.new ${DEBIAN:+"$DEBIAN"} >&2
    .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
        --require-hashes --requirement deploy/docker/requirements.lock --dest $TREES/python.new/wheels >&2
    printf '[global]\nno-index = true\nfind-links = /wheels\n' >$TREES/python.new/etc/pip.conf
    ln -s python3.11 $TREES/python.new/usr/bin/python
    mv $TREES/python.new $TREES/python
}

servers_tree() { # both servers in one tree
    [ ! -e $TREES/servers ] || return 0
    need debootstrap npm
    sh deploy/local/bootstrap.sh
    tree=$TREES/servers.new
    rm -rf $tree
    debootstrap --variant=minbase --include=rabbitmq-server,nodejs,libcurl4t64,ca-certificates trixie $tree ${DEBIAN:+"$DEBIAN"} >&2
    npm install --silent --no-audit --no-fund --omit=optional --ignore-scripts --prefix $tree/opt/mongosh mongosh@$MONGOSH >&2
    ln -s /opt/mongosh/node_modules/.bin/mongosh $tree/usr/local/bin/mongosh
    mongod=$(.venv/bin/python -c 'from deploy.local.mongodb import find_mongod; print(find_mongod())')
    install -m 755 "$mongod" $tree/usr/local/bin/mongod
    chroot $tree useradd --system --home-dir /data/db mongodb
    install -d $tree/data/db $tree/data/configdb $tree/etc/rabbitmq/conf.d
    printf 'loopback_users.guest = false\nlog.console = true\n' >$tree/etc/rabbitmq/conf.d/10-defaults.conf
    echo '[rabbitmq_management,rabbitmq_prometheus].' >$tree/etc/rabbitmq/enabled_plugins
    install -m 755 $HERE/rabbitmq.sh $tree/usr/local/bin/start-rabbitmq
    install -m 755 $HERE/mongo.sh $tree/usr/local/bin/docker-entrypoint.sh
    mv $tree $TREES/servers
}

mkdir -p $TREES
have python:3.11-slim || {
    python_tree
    load_tree python python:3.11-slim 'CMD ["python"]'
}
have rabbitmq:4-management || {
    servers_tree
    load_tree servers rabbitmq:4-management 'ENTRYPOINT ["start-rabbitmq"]' 'CMD ["rabbitmq-server"]' 'ENV LANG=C.UTF-8' \
        'VOLUME /var/lib/rabbitmq' 'EXPOSE 5671 5672 15672'
}
have mongo:8 || {
    servers_tree
    load_tree servers mongo:8 'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["mongod"]' 'VOLUME /data/db' 'VOLUME /data/configdb' \
        'EXPOSE 27017'
}
say "The images of docker-compose.yml are there."
