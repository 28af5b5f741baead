from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import Result

from monitor.config.loader import load
from monitor.proposing import TopicOrigin
from monitor.proposing.nulls import null_words
from tests.support.command_line import invoke
from tests.support.proposals import gathered

START_MS = 1_767_225_600_000


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def records(n: int = 1500) -> Path:
    path = Path("records.jsonl")
    rows = [{"event_time": START_MS + 200 * i, "n": i % 7, "kind": "ab"[i % 2]} for i in range(n)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def init(*arguments: str | Path) -> Result:
    return invoke("init", *arguments)


def test_a_file_gets_a_configuration_and_a_baseline():
    result = init("--file", records())
    assert result.exit_code == 0, result.output
    assert "no alert" in result.stdout
    assert "driftline check -c driftline.yaml" in result.stdout
    config = load(Path("driftline.yaml"))
    assert (config.name, list(config.fields)) == ("records", ["n", "kind"])
    assert config.baseline is not None
    assert Path(config.baseline.path, "current").exists()
    assert invoke("check", "-c", "driftline.yaml", "--sample", "records.jsonl").exit_code == 0


def test_the_same_file_gives_the_same_configuration():
    assert init("--file", records()).exit_code == 0
    first = Path("driftline.yaml").read_text()
    assert init("--file", records(), "--force").exit_code == 0
    assert Path("driftline.yaml").read_text() == first


def test_options_name_what_is_written():
    options = ["--name", "mine", "--baseline", "elsewhere", "--output", "my.yaml", "--records", "1000"]
    assert init("--file", records(), *options).exit_code == 0
    config = load(Path("my.yaml"))
    assert (config.name, config.baseline and config.baseline.path) == ("mine", "elsewhere")
    assert "1,000 records (the first of more)" in Path("my.yaml").read_text()


def test_a_configuration_that_exists_is_not_overwritten():
    Path("driftline.yaml").write_text("mine")
    result = init("--file", records())
    assert result.exit_code == 2
    assert "--force" in result.output
    assert Path("driftline.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--file", "a.jsonl", "--topic", "t"),
        ("--topic", "t"),
        ("--topic", "^pattern", "--bootstrap", "b:1"),
        ("--file", "a.jsonl", "--bootstrap", "b:1"),
        ("--file", "a.jsonl", "--name", "No Name"),
        ("--file", "a.jsonl", "--output", "no/such/directory/d.yaml"),
        ("--topic", "t", "--bootstrap", "b:1", "--connect-timeout", "soon"),
        ("--topic", "t", "--bootstrap", "b:1", "--security", "absent.yaml"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(arguments):
    assert init(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.jsonl", "", "no records"),
        ("bad.jsonl", "{\n[1]\n", "'malformed': 1"),
        ("timeless.jsonl", '{"a": 1}\n' * 20, "--time-field"),
        ("odd.txt", "x", ".jsonl"),
        ("only.jsonl", '{"event_time": 1767225600000}\n' * 20, "nothing beside"),
    ],
)
def test_a_file_with_nothing_to_learn_from_ends_with_69(name, content, says):
    Path(name).write_text(content)
    result = init("--file", name)
    assert (result.exit_code, says in result.output) == (69, True), result.output
    assert not Path("driftline.yaml").exists()
    assert not Path("baselines").exists()


def test_a_file_that_is_not_there_ends_with_69():
    assert init("--file", "absent.jsonl").exit_code == 69


@pytest.mark.parametrize(
    ("text", "says"),
    [("protocol: SASL_SSL", "needs a mechanism"), ("- a", "not a mapping"), ("protocol: [", "not YAML")],
)
def test_security_settings_that_are_wrong_end_with_78(text, says):
    Path("security.yaml").write_text(text)
    result = init("--topic", "t", "--bootstrap", "b:1", "--security", "security.yaml")
    assert (result.exit_code, says in result.output) == (78, True), result.output


def test_a_secret_of_the_environment_is_used_and_not_written(monkeypatch):
    from monitor.cli.initializing import _security  # noqa: PLC0415

    monkeypatch.setenv("KAFKA_PASSWORD", "correct-horse")
    Path("security.yaml").write_text(
        "protocol: SASL_PLAINTEXT\nmechanism: PLAIN\nusername: u\npassword: ${KAFKA_PASSWORD}\n"
    )
    settings, text = _security(Path("security.yaml"))
    origin = TopicOrigin("t", "b:1", security=settings, security_text=text)
    password = origin.spec.security.password
    assert password is not None
    assert password.get_secret_value() == "correct-horse"
    assert "correct-horse" not in text + repr(origin)
    assert "${KAFKA_PASSWORD}" in text


def test_words_for_null_among_the_numbers_of_a_csv_file_are_found():
    assert null_words(gathered({"a": "NA", "b": "x"}, {"a": "1.5", "b": "NA"}, {"a": "-2", "b": "y"})) == ("NA",)
    assert null_words(gathered({"a": "NA"}, {"a": "one"})) == ()


def test_a_csv_file_that_writes_na_gets_numbers():
    rows = "".join(
        f"{START_MS + 200 * i},{'NA' if i % 50 == 0 else i % 9},{'NA' if i % 3 else 'b'}\n" for i in range(1500)
    )
    Path("r.csv").write_text("ts,n,kind\n" + rows)
    result = init("--file", "r.csv")
    assert result.exit_code == 0, result.output
    config = load(Path("driftline.yaml"))
    assert config.source.kind == "files"
    assert config.source.null_values == ("", "NA")
    assert (config.fields["n"].type, config.fields["n"].nullable) == ("integer", True)
