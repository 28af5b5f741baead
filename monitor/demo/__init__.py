"""The demo: an embedded broker, a shop that pays, a fault, and the daemon that notices."""
