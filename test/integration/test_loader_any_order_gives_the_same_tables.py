"""Files are read in the order of their names, which is that of nothing else: whatever the names, the directories and the
rounds, the tables are the same."""
import loader_orders


def test_loader_any_order_gives_the_same_tables(tmp_path, cluster):
    for row in loader_orders.run(4, 1, tmp_path, cluster):
        assert row.runs == 2 and not row.failed(), row
