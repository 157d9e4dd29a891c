"""A few records whose values readers can get wrong: no time, far times, empty beside null, bytes that are no text."""

import json

ACCESS = "logs/111122223333/eu-west-1/amzn-s3-demo-bucket/2026/03/01/2026-03-01-00-00-00-0A1B2C3D4E5F6071"
TRAIL = "AWSLogs/444455556666/CloudTrail/eu-west-1/2026/03/01/444455556666_CloudTrail_eu-west-1_20260301T0000Z_A.json"
LINE = (
    '79a5 {bucket} [{time}] 192.0.2.1 {requester} {id} REST.GET.OBJECT {key} "GET /{key} HTTP/1.1" 200 - {bytes} 2 3 '
    '4 "{referer}" "{agent}" - h= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader {bucket}.s3.eu-west-1.amazonaws.com TLSv1.3 '
    '- {acl}\n'
)
DAY = "01/Mar/2026:00:00:38 +0000"
USUAL = {
    "bucket": "amzn-s3-demo-bucket", "time": DAY, "requester": "-", "key": "k", "bytes": "1", "referer": "-",
    "agent": "curl", "acl": "-",
}
TIMES = [
    "31/Feb/2026:00:00:38 +0000", "01/Jan/0001:00:00:00 +0000", "04/Oct/1582:23:59:59 +0000",
    "31/Dec/1969:23:59:59 +0000", "31/Dec/9999:23:59:59 +0000",
]
ODD = [
    {"referer": ""}, {"agent": ""}, {"acl": "Yes"}, {"bytes": "9223372036854775807"}, {"bytes": "0"},
    {"key": "a%2Bb%20c%E2%82%AC"}, {"key": "%00%ff"}, {"agent": "\u202e💣 \u0001\u001b[2J\t\\n \\"},
    {"agent": "a" * 100_000}, {"agent": "x\0y"}, {"agent": "\udcff\udcfe"}, {"bucket": "Upper_Case"}, {"acl": "- extra fields"},
    {"requester": "arn:aws:sts::111122223333:assumed-role/r/s"},
]


def write(folder):
    """Writes both logs below the folder."""
    every = [{"time": time} for time in TIMES] + ODD
    lines = [LINE.format(**{**USUAL, **odd, "id": f"ODD{number:05}"}) for number, odd in enumerate(every)]
    place(folder, ACCESS, "".join(lines))
    place(folder, TRAIL, json.dumps({"Records": records()}, ensure_ascii=False))


def records():
    usual = {
        "eventVersion": "1.11", "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-03-01T00:00:38Z", "recipientAccountId": "444455556666", "readOnly": True,
        "eventType": "AwsApiCall", "eventCategory": "Data",
    }
    odd = [
        {"eventTime": None}, {"eventTime": "no time"}, {"userIdentity": {}},
        {"userIdentity": {"type": "", "arn": None}},
        {"userIdentity": {"type": "AssumedRole", "sessionContext": {}}},
        {"userIdentity": {"sessionContext": {"sessionIssuer": {}, "attributes": {"mfaAuthenticated": "false"}}}},
        {"resources": []}, {"resources": [{}]},
        {"resources": [{"ARN": "arn:aws:s3:::b/k", "type": ""}, {"accountId": "1"}]},
        {"requestParameters": {}}, {"requestParameters": {"bucketName": "b-1", "key": "é\u0000\n\"\\"}},
        {"readOnly": None},
        {"awsRegion": "a/../b", "recipientAccountId": ".."}, {"tlsDetails": {}},
        {"tlsDetails": {"tlsVersion": "TLSv1.3"}},
        {"recipientAccountId": None, "awsRegion": None}, {"additionalEventData": {"bytesTransferredOut": 2**53 + 1}},
    ]
    every = [{"eventID": f"odd-{number}", **usual, **one} for number, one in enumerate(odd)]
    return [{name: value for name, value in one.items() if value is not None} for one in every]


def place(folder, path, text):
    path = folder / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
