"""Where do transitions come from? Names of datasets, the local Minari root, imports, the hub."""
