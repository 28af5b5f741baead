"""Alerts and their life: verdict levels in, firing and resolved transitions out."""

from monitor.alerting.book import AlertBook, Pending
from monitor.alerting.fingerprint import fingerprint
from monitor.alerting.flap import Flap
from monitor.alerting.links import Links
from monitor.alerting.signal import Key, Signal

__all__ = ["AlertBook", "Flap", "Key", "Links", "Pending", "Signal", "fingerprint"]
