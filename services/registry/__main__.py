"""``python -m services.registry`` runs the service until it is told to stop."""

from shared.kernel.service import main

from services.registry.app import build

main(build)
