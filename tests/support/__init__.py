"""What several tests stand on: brokers, and fixtures that are expensive to make."""
