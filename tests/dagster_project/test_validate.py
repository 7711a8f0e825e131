"""`validate` and `ties`: from a published file to the table on the screen."""

import json

from dagster_project.cli.app import run_command
from tests.cases.installation import KEY, NOW, SETTINGS, Installation


def published(folder):
    with_meetings = Installation(folder, SETTINGS.format(platform="irc"))
    logs = folder / "logs"
    for week in range(1, 21):
        day = logs / f"2026-{1 + (week - 1) // 4:02}-{1 + 7 * ((week - 1) % 4):02}"
        day.mkdir(parents=True)
        turns = ["ana", "ben", "ana", "ben", "cleo", "dan", "cleo", "dan", "eve", "fay", "eve", "fay"]
        lines = [f"10:{n:02}:00 <{name}> a turn" for n, name in enumerate(turns)]
        (day / "irc.log").write_text("\n".join(lines) + "\n")
    with_meetings.imports("irc-meetings", logs, tenant="loom")
    with_meetings.refresh()
    with_meetings.warehouse.publish(NOW)
    with_meetings.close()
    (folder / "var" / "secret.key").write_text(KEY.hex())


def test_validate_and_ties_print_tables_and_json(tmp_path, monkeypatch, capsys):
    published(tmp_path)
    monkeypatch.chdir(tmp_path)
    roster = tmp_path / "chairs.csv"
    roster.write_text("person,from\nana,\nben,\ncleo,2026-02-01\ndan,\neve,\nnobody at all,\n")
    capsys.readouterr()
    assert run_command(["validate", "case", "--roster", "chairs.csv"]) == 0
    shown = capsys.readouterr().out
    assert "AUC of the level" in shown
    assert "1 of 6 lines name nobody of this community, or several: 7" in shown
    assert run_command(["validate", "--roster", "chairs.csv", "case", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines_not_found"] == [7]
    assert run_command(["ties", "--chance", "case"]) == 0
    assert "taking turns" in capsys.readouterr().out
    roster.write_text("person\nana\n")
    assert run_command(["validate", "case", "--roster", "chairs.csv"]) == 1
    assert "too short" in capsys.readouterr().err
