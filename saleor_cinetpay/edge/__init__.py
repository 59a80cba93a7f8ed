"""The edge: what every request passes before any door. Who asks, how much, how often, and how it is answered.

    connections   a socket: how many there are, how long and how large a request's head may be
    proxies       whose X-Forwarded-* counts
    border        one id and one set of headers for every answer, and the catch for what breaks
    gate          how often and how many at once, for each lane and each caller

What an address may be asked for stands in `lanes`. Nothing here touches the database.
"""
