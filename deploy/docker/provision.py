"""Prepare broker and database once they are up: `python -m deploy.docker.provision`. May be repeated.

Everything comes from the environment: `BINAAN_MANAGEMENT_URL` (the administrator's), `BINAAN_MONGO_ADDRESS`,
`BINAAN_ADMIN_PASSWORD`, and `BINAAN_<SERVICE>_PASSWORD` for each service.
"""

import os
import sys

from pymongo.errors import PyMongoError

from deploy.mongodb.provision import ProvisionError as MongoError
from deploy.mongodb.provision import administrator_url, ensure_services, open_client, prepare_server
from deploy.rabbitmq.accounts import SERVICES
from deploy.rabbitmq.management import Management, ProvisionError
from deploy.rabbitmq.provision import apply

VHOST = "binaan"


def main() -> int:
    try:
        _provision()
    except KeyError as error:
        print(f"{error.args[0]} is not set", file=sys.stderr)  # noqa: T201 - this is a command
        return 2
    except (ProvisionError, MongoError, PyMongoError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _provision() -> None:
    passwords = {service: os.environ[f"BINAAN_{service.upper()}_PASSWORD"] for service in SERVICES}
    administrator = os.environ["BINAAN_ADMIN_PASSWORD"]
    address = os.environ["BINAAN_MONGO_ADDRESS"]
    with Management(os.environ["BINAAN_MANAGEMENT_URL"]) as management:
        apply(management, VHOST, passwords)
    prepare_server(address, administrator)
    with open_client(administrator_url(address, administrator)) as mongo:
        ensure_services(mongo, {service: f"binaan_{service}" for service in SERVICES}, passwords)


if __name__ == "__main__":
    sys.exit(main())
