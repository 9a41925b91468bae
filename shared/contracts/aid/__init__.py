"""What aid is told and what it tells, a module for each thing that is told of."""
