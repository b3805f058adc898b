"""How a gateway is set up: its settings as values, and how they are read from TOML, variables and flags."""
