"""Short training runs of the Lite's structure. Impure by nature: they hold a model, a device and a seed."""
