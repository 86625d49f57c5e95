"""Registrations as clients send them (wire.md 5), and their answers read as clients read them; shares no code with the
relay."""
import base64
import datetime
import functools
import hashlib
import re
import uuid
import xml.etree.ElementTree
import zlib
from collections import namedtuple

import ccmpost
import keys
import wire

REQUEST = '<ClientRegistrationRequest>%s<Signature><SignatureValue>%s</SignatureValue></Signature></ClientRegistrationRequest>'
DATA = ('<Data HashAlgorithm="%s" SMSID="%s" RequestType="%s" TimeStamp="2024-01-01T00:00:00Z"><AgentInformation '
        'AgentIdentity="CCMSetup.exe" AgentVersion="5.00.8325.0000" AgentType="0" /><Certificates><Encryption '
        'Encoding="HexBinary" KeyType="1">%s</Encryption><Signing Encoding="HexBinary" KeyType="1">%s</Signing>'
        '</Certificates><DiscoveryProperties><Property Name="Netbios Name" Value="PC1" /></DiscoveryProperties></Data>')
ID = "{5B2F6C1D-3A64-4E0E-8A4B-2C0E7F7D9E11}"

Reply = namedtuple("Reply", "type status approval smsid")


@functools.cache
def fingerprint(private):
    return hashlib.sha256(keys.openssl("pkey", "-in", private, "-pubout", "-outform", "DER")).hexdigest()


def name_of(private):
    """What a client without a name is called: made of its key, as a UUID of version 8."""
    digits = bytearray.fromhex(fingerprint(private)[:32])
    digits[6], digits[8] = digits[6] & 0x0F | 0x80, digits[8] & 0x3F | 0x80
    return "GUID:" + str(uuid.UUID(bytes=bytes(digits))).upper()


@functools.cache
def certificate(private):
    """In DER and hex."""
    pem = keys.certificate(private).decode()
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----"))).hex().upper()


def data(private, smsid="", kind="Registration", oid=ccmpost.OID_SHA256_RSA):
    return DATA % (oid, smsid, kind, certificate(private), certificate(private))


def body(private, signer=None, hash="sha256", **changes):
    signed = data(private, oid=ccmpost.OID_SHA256_RSA if hash == "sha256" else ccmpost.OID_SHA1_RSA, **changes)
    return REQUEST % (signed, ccmpost.sign(signer or private, signed.encode("utf-16-le"), hash).hex().upper())


def envelope(text, **changes):
    return wire.ccm(text, **{"endpoint": "MP_ClientRegistration", "reply_mode": "Sync", "property": ["FileType="],
                             "message_id": ID, **changes})


def request(private, **changes):
    parts = {name: changes.pop(name) for name in ("smsid", "kind", "hash", "signer") if name in changes}
    return envelope(body(private, **parts), **changes)


def read(answer, compressed=True):
    """Every field of the answer as wire.md 4.2 has it."""
    assert answer.status == 200
    assert answer.headers["content-type"] == 'multipart/mixed; boundary="%s"' % ccmpost.BOUNDARY
    (first, msg), (second, payload) = ccmpost.split_parts(answer.headers, answer.body)
    assert (first, second) == ("content-type: text/plain; charset=UTF-16", "content-type: application/octet-stream")
    assert msg[:2] == b"\xff\xfe"
    text = msg[2:].decode("utf-16-le")
    tree = xml.etree.ElementTree.fromstring(text)
    assert [child.tag for child in tree] == [
        "ID", "SourceHost", "TargetAddress", "CorrelationID", "Body", "Hooks", "Payload", "TargetEndpoint", "ReplyMode",
        "Protocol"]
    found = {child.tag: child.text for child in tree}
    assert re.fullmatch(r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}", found["ID"]) and found["ID"] != ID
    assert found["SourceHost"] and found["ReplyMode"] == "Reply" and found["Protocol"] == "http"
    assert (found["CorrelationID"], found["TargetAddress"]) == (ID, "direct:CLIENT1:StateMessage")
    assert found["TargetEndpoint"] == "StateMessage"
    assert [hook.attrib for hook in tree.find("Hooks")] == ([{"Name": "zlib-compress"}] if compressed else [])
    whole = zlib.decompress(payload) if compressed else payload
    assert tree.find("Body").attrib == {"Type": "ByteRange", "Offset": "0", "Length": str(len(whole))}
    assert whole[-2:] == b"\0\0"
    said = xml.etree.ElementTree.fromstring(whole[:-2].decode("utf-16-le"))
    assert said.tag == "ClientRegistrationResponse"
    told = datetime.datetime.strptime(said.attrib["TimeStamp"], "%Y-%m-%dT%H:%M:%SZ")
    assert abs(datetime.datetime.utcnow() - told) < datetime.timedelta(hours=1)
    return Reply(*(said.attrib[name] for name in ("ResponseType", "Status", "ApprovalStatus", "SMSID")))
