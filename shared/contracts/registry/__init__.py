"""What registry is told and what it tells."""
