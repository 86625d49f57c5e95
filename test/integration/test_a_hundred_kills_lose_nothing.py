"""kill -9 under load, again and again (KILLS of them): what was acknowledged is there, whole, and nothing else is."""
import json
import os
import random
import threading

import wire

KILLS = int(os.environ.get("KILLS", 100))
CLIENTS = 4


class Client(threading.Thread):
    """Posts distinct reports over a kept connection until the relay is gone; remembers what was acknowledged."""
    def __init__(self, relay, number, round_, kept, sent):
        super().__init__()
        self.relay, self.serial, self.kept, self.sent = relay, (round_ * CLIENTS + number) * 100000, kept, sent

    def run(self):
        try:
            with self.relay.connect() as connection:
                while self.post(connection):
                    self.serial += 1
        except (OSError, AssertionError):
            pass                            # killed before or in the middle of an answer

    def post(self, connection):
        report = wire.report(serial=self.serial, messages=1 + self.serial % 20, priority=(0, 5, 10)[self.serial % 3])
        self.sent.add(wire.smx(report))
        connection.send(wire.plain(report, keep=True))
        answer = connection.answer()
        if answer and answer.status == 200:
            self.kept[json.loads(answer.body)["file"]] = wire.smx(report)
        return answer


def test_a_hundred_kills_lose_nothing(start):
    relay, kept, sent, chance = start(min_free=0), {}, set(), random.Random(2)
    for round_ in range(KILLS):
        if relay.process.returncode is not None:
            relay.start()
        clients = [Client(relay, number, round_, kept, sent) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        clients[0].join(chance.uniform(0.02, 0.3))
        relay.kill()
        for client in clients:
            client.join()
    relay.start()
    files = {path.rpartition("/")[2]: content for path, content in relay.files().items()}
    assert len(kept) > KILLS
    assert not [name for name in kept if files.get(name) != kept[name]], "lost"
    assert not [name for name, content in files.items() if content not in sent], "half"
    assert not [name for name in files if not name.endswith(".smx") or name.startswith(".")], "left over"
