"""What the gate, the import and the audit trail cost, and whether the trail is whole: figures, floors and goals."""
