from itertools import groupby
import pytest
from monitor.incidents import *
from monitor.types import Alert
from tests.e2e.test_flights_causes import *

class Rec:
    name="p"; takes_updates=True
    def __init__(s): s.open={}; s.pages=0; s.events=0; s.rises=0; s.msgs=[]
    def deliver(s, alerts, now):
        for a in alerts:
            s.events+=1
            s.msgs.append((a.status,a.severity,a.annotations.get("summary","")[:100]))
            if a.status=="firing":
                s.pages+= a.fingerprint not in s.open
                s.open[a.fingerprint]=a.severity
            else: s.open.pop(a.fingerprint,None)
    def close(s): pass

def count(name, lines):
    out=[]
    alerts=[l for l in lines if l["kind"]=="alert"]
    def al(l): return Alert(l["status"],l["fingerprint"],l["severity"],l["starts_at_ms"],l.get("ends_at_ms"),l["labels"],l["annotations"])
    # one delivery a window: alerts that lie together in the lines
    deliveries=[]; last=None
    for i,l in enumerate(lines):
        if l["kind"]!="alert": last=None; continue
        if last is None: deliveries.append([])
        deliveries[-1].append(al(l)); last=l
    for by in ("alert","incident"):
        for storm in (None, Storm(20,600000)):
            r=Rec(); g=Grouped(r, Grouping(by,storm,True), Forgetful())
            before=Rec()
            now=0
            if by=="alert" and storm is None:
                # PagerDuty: a resolve that makes room is not sent
                from monitor.sinks.words import replaced
                for d in deliveries:
                    room=replaced(d); r.deliver([a for i,a in enumerate(d) if i not in room],0)
            else:
                for d in deliveries: now+=86400000; g.deliver(d, now)
            out.append((by, bool(storm), r.pages, r.events, len(r.open)))
            if by=="incident" and storm: print("\n".join(str(m) for m in r.msgs[:12]))
    print(name, "alerts fired", sum(a["status"]=="firing" for a in alerts), "flapping", sum("flapping" in a["annotations"] for a in alerts), "deliveries", len(deliveries), out, {a["annotations"].get("incident") for a in alerts}, flush=True)

def test_pages(doped, flights, tmp_path):
    for c in ("EV","B6","MQ"):
        lines=doped.replay(slower(c)); count(c, lines)
    count("six hours", doped.replay(slower("EV"), size="6h", min_rows=30))
    nothing = since("NULL", otherwise="air_time", where=f"carrier = 'MQ' AND {SOME} 3")
    count("nulls", doped.replay(f"SELECT * REPLACE ({nothing} AS air_time) FROM dealt", extra="checks: [{kind: nullable, field: air_time, max_failure_ratio: 0.15}, {kind: volume, min_per_window: 100}]"))
    count("stops", doped.replay("SELECT * FROM dealt WHERE NOT (time_hour >= '2013-06-01' AND time_hour < '2013-06-05')", extra="checks: [{kind: volume, min_per_window: 100}]"))
    d=DopedFlights.of(flights, tmp_path, DAYS)
    count("weather, no fault", d.replay(rho=0.01)); count("weather EV", d.replay(slower("EV"), rho=0.01))
