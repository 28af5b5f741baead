"""HTTP to servers of this machine; `httpx.get` reads all certificates anew for every request, 20 ms of computing.

In a loop that waits for a condition that is half a core, taken from the daemon that is to fulfil it.
"""

from __future__ import annotations

import httpx

# Without connections that are kept: a server that is killed and started again at the same address is a new one.
_client = httpx.Client(verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))  # noqa: S501 - no TLS here
get = _client.get
post = _client.post
