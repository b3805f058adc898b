"""Students: small models, made of a teacher, of a config or of a checkpoint; `build` makes whichever was asked for."""
