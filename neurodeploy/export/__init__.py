"""Networks in the formats of other tools, and on other simulators."""
