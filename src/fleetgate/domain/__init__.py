"""Pure rules and values: no clock, no randomness, no network, nothing imported outward."""
