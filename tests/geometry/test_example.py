"""The example runs as it stands, and is as short as it says."""

import runpy


def test_the_example_of_a_module_of_one_s_own(project, capsys):
    path = project / "examples" / "pullback_metric.py"
    assert sum(bool(line.strip()) for line in path.read_text().splitlines()) < 30
    runpy.run_path(str(path))
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["step", "|dx/dstrength|"]
    table = {int(row.split()[0]): [float(x) for x in row.split()[1:]] for row in rows}
    assert list(table) == [1, 5, 10, 15, 20, 30]
    # Untrained, it forgets: both tangent vectors grow with the stimulus and shrink in the delay.
    for column in (0, 1):
        lengths = [row[column] for row in table.values()]
        assert lengths[0] < lengths[1] < lengths[2] > lengths[3] > lengths[4] > lengths[5] > 0
    assert all(1 <= row[3] <= 2 and 0 <= row[4] <= 0.71 for row in table.values())
