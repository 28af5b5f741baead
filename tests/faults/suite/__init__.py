"""Faults that are done to a running daemon while somebody writes, and what must hold after each of them."""
