"""Several listen values at once; a unix socket left behind by a killed relay is no obstacle."""
import stat

import wire
from relay import Connection, free_port


def post(address, report):
    with Connection(address) as connection:
        connection.send(wire.ccm(report))
        return connection.answer().status


def test_two_tcp_listeners_and_a_unix_socket(start, tmp_path):
    first, second, path = free_port(), free_port(), str(tmp_path / "mp.sock")
    relay = start(listen=["127.0.0.1:%d" % first, "127.0.0.1:%d" % second, "unix:" + path])
    reports = [wire.report(serial=n) for n in range(3)]
    addresses = [("127.0.0.1", first), ("127.0.0.1", second), path]
    assert [post(address, report) for address, report in zip(addresses, reports)] == [200] * 3
    assert set(relay.files().values()) == set(map(wire.smx, reports))
    assert len(relay.next_records(3)) == 3 * 7
    assert stat.S_ISSOCK((tmp_path / "mp.sock").stat().st_mode)
    relay.kill()
    relay.start()
    assert post(path, wire.report(serial=4)) == 200
    relay.stop()
    assert not (tmp_path / "mp.sock").exists()


def test_ipv6(start):
    relay = start(listen=["127.0.0.1:%d" % free_port(), "[::1]:%d" % free_port()])
    assert relay.said.read_text().count("mprelay: ready on") >= 1
