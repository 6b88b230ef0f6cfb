"""The demo: factory lists, devices over MQTT, a thief, and what the security team sees."""
