"""What Twilio answers to a message that it takes, for bench/sms.py."""

from __future__ import annotations

import json

SID = "SM" + "0" * 32
ACCOUNT = "AC" + "0" * 32
#: The resource as Twilio's description of its API has it, in full: the clients read all of it.
RESOURCE = {
    "account_sid": ACCOUNT,
    "api_version": "2010-04-01",
    "body": "Mashiki: 6+ " * 12,
    "date_created": "Fri, 20 Nov 2026 03:00:30 +0000",
    "date_sent": None,
    "date_updated": "Fri, 20 Nov 2026 03:00:30 +0000",
    "direction": "outbound-api",
    "error_code": None,
    "error_message": None,
    "from": None,
    "messaging_service_sid": "MG" + "0" * 32,
    "num_media": "0",
    "num_segments": "0",
    "price": None,
    "price_unit": None,
    "sid": SID,
    "status": "accepted",
    "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}/Media.json"},
    "to": "+819012345678",
    "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json",
}
BODY = json.dumps(RESOURCE).encode()
ANSWER = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nTwilio-Request-Id: RQ1\r\n"
    b"Twilio-Concurrent-Requests: 1\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
)
