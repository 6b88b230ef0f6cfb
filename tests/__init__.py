"""The tests, from the pure rules outwards to a device on MQTT."""
