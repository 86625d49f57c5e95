"""Serial numbers are counted at every site of the hierarchy: what a site has loaded, its parent loads, too."""
from relay import wait_until
from reports import CLIENT, smx


def test_two_sites_in_a_row(start_statesys, database, tmp_path, cluster):
    top = start_statesys(root=tmp_path / "top", site_code="CAS", database=database and cluster.create())
    below = start_statesys(database=database, parent_site="CAS", parent_inbox=top.inbox / "incoming")
    below.load(smx(1), smx(5))
    wait_until(lambda: top.of(CLIENT, "COUNT(*)", "SR_States") == [(2,)], "the rows at the parent site")
    assert top.ranges(CLIENT) == below.ranges(CLIENT) == [(2, 4)]
