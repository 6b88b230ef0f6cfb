"""What the gate, the import and the audit trail cost, and whether the trail is whole: figures, with floors and goals."""
