"""Whatever a crowd does with its connections: a good report that is sent meanwhile is answered 200, and kept."""
import dataclasses

import crowds
import pytest


@pytest.mark.parametrize("name", crowds.CROWDS)
def test_crowds_do_not_keep_others_out(tmp_path, name):
    crowd = crowds.CROWDS[name]
    smaller = dataclasses.replace(crowd, connections=crowd.connections // 5, addresses=crowd.addresses // 5)
    if crowd.drips:
        smaller.settings = {"header_timeout": "1s", "request_timeout": "2s"}
    row, = crowds.run(1, 1, tmp_path, {name: smaller}, good=20)
    assert not row.failed() and row.acknowledged == 80, row
