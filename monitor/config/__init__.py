"""Configuration: the closed tree, the YAML loader that names every problem, and the JSON Schema."""
