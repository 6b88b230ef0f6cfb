"""The audit trail and its archive as the command shows them."""
