"""Binaan in containers: the image, its secrets, and the one-shot job that prepares broker and database."""
