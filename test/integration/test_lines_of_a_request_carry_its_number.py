"""log-context = yes: all lines of one request have the same number in the field context, the next request another."""
import cmtrace
import wire


def test_lines_of_a_request_carry_its_number(start):
    relay = start(log_context="yes")
    numbers = []
    for serial in range(2):
        assert relay.post(wire.ccm(wire.report(serial=serial))).status == 200
        records = relay.next_records()
        context, = {record.context for record in records}
        assert len(records) == 7 and len(context) == 8 and int(context, 16) > 0
        numbers.append(context)
    assert len(set(numbers)) == 2


def test_the_field_is_empty_by_default(shared_relay):
    assert shared_relay.post(wire.ccm(wire.report())).status == 200
    assert {record.context for record in shared_relay.next_records()} == {""}
