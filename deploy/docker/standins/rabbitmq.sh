#!/bin/sh
# Starts RabbitMQ as the official image does: as its own user, who owns the data. Name and password of the administrator
# RabbitMQ itself takes from RABBITMQ_DEFAULT_USER and RABBITMQ_DEFAULT_PASS.

set -eu
chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups env HOME=/var/lib/rabbitmq "/usr/lib/rabbitmq/bin/$1"
