"""``python -m services.registry`` runs the service until it is told to stop."""

from services.registry.app import build
from shared.kernel.service import main

main(build)
