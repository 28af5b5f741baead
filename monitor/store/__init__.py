"""Durable state: one SQLite file, one transaction for offsets, state, results and the outbox."""
