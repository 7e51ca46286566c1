"""A folder of its own: Lava executes every Python file beside the module that defines a Process."""
