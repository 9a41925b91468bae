"""Runs notify: ``python -m services.notify``."""

from services.notify.app import build
from shared.kernel.service import main

main(build)
