"""Factory lists: reading, uploading and reporting them."""
