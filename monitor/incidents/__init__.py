"""Incidents as the unit that people are paged about: grouping, storms, and what a sink was told."""

from monitor.incidents.grouped import Grouped, Grouping
from monitor.incidents.hearing import GroupBy, Storm
from monitor.incidents.ledger import Forgetful, Incident, Ledger, Member, Records

__all__ = ["Forgetful", "GroupBy", "Grouped", "Grouping", "Incident", "Ledger", "Member", "Records", "Storm"]
