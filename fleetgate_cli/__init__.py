"""The operators' command `fleetgate`: not shipped to Lambda."""
