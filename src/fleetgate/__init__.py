"""Fleetgate: the gate AWS IoT Core asks before it gives a device its identity."""
