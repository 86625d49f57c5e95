"""Clients that miss messages, and what the state system asks of them; time passes by moving what is in the rows."""
from reports import CLIENT, HOUR, key, smx

SECOND = 1000000                                    # microseconds
STATS = "LastResyncIssuedTime, ResyncIssuedSerial, LastResyncClientCompletedTime"


def miss(statesys, clients):
    """{client: hours}: how long serial numbers 3 and 4 of it have been missing; two days are what it takes. The state
    system is stopped then, for it checks at its start."""
    statesys.load(*(smx(serial, client=client) for serial in (1, 2, 5) for client in clients))
    statesys.stop()
    for client, hours in clients.items():
        age(statesys, client, hours)


def age(statesys, client, hours, table="SR_MissingMessageRanges", column="DetectedTime"):
    statesys.ask("UPDATE %s SET %s = %s - %d WHERE MachineID = (SELECT MachineID FROM SR_Clients WHERE SMSID = '%s')"
                 % (table, column, column, hours * HOUR * SECOND, key(client)))


def asked(statesys, client=CLIENT):
    return statesys.said_lines("^CResyncManager - Client %s: requested resync, " % client)


def wait_until_asked(statesys, client=CLIENT, times=1):
    return statesys.wait_for_line("^CResyncManager - Client %s: requested resync, " % client, times)


def request_file(statesys, client=CLIENT):
    return statesys.inbox / "outgoing/resync" / (key(client) + ".rsy")
