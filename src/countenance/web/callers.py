"""Where a request comes from, as a door counts it: a keyed hash, from which no address is read.

Whoever has a network of IPv6 has all of its addresses, so those of one /64 are one caller. Behind
a proxy the service is told whose address to believe (docs/serving.md).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from countenance.web.at import At

_NETWORK_BITS = 64


def source_of(at: At) -> str:
    """The caller of a request, for `doors.knock`."""
    client = at.request.client
    address = "" if client is None else client.host
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        network = address
    else:
        if found.version == 6:
            network = str(ipaddress.ip_network((int(found), _NETWORK_BITS), strict=False))
        else:
            network = str(found)
    key = at.deployment.page_key
    return hmac.new(key, b"caller\0" + network.encode(), hashlib.sha256).hexdigest()
