"""What the hook and the import cost: figures that stand beside a floor, measured in the same run, or beside a goal."""
