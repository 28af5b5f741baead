from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.files import MAX_FILE_BYTES
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.errors import ConfigError
from tests.support.configurations import ENV, INTERFACE, changed, configured, line_of, problems

AMOUNT = "range: [0, 100000]"
MINIMAL = "name: m\nsource: {kind: files, paths: [a.jsonl]}\nfields: {x: {type: number}}\n"


def test_the_promised_configuration_loads():
    config = configured()
    assert config.name == "payments"
    assert config.time.lateness == 30_000
    assert config.fields["amount"].range == (0, 100_000)
    assert config.source.security.password.get_secret_value() == "correct-horse"


def test_the_least_configuration_has_every_default():
    config = load(MINIMAL, {})
    assert (config.window.size, config.window.pane) == (60_000, 60_000)
    assert config.decoder.kind == "json"
    assert config.alerting.contracts_raise_after == 1


def test_norway_is_a_country():
    assert configured(changed(("[DE, FR, US]", "[DE, NO, on]"))).fields["country"].allowed == ("DE", "NO", "on")


# replaced text, its replacement, path, a fragment on the line to be named, a phrase of the whole problem
VOLUME = "kind: volume, min_per_window: 1"
BAD = [
    ("name: payments", "name: Pay ments", "name", "name: Pay", "1 to 63 of a-z"),
    ("name: payments", f"name: {'x' * 64}", "name", "name: x", "1 to 63"),
    ("name: payments", "name: 5", "name", "name: 5", "put it in quotes"),
    ("name: payments", "nam: payments", "nam", "nam:", "did you mean name?"),
    ("name: payments", "nam: payments", "name", "nam:", "required and missing"),
    ("kind: kafka", "kind: kafak", "source.kind", "kafak", "did you mean kafka?"),
    ("  kind: kafka\n", "", "source", "source:", "add one of kind: files, kafka"),
    ("client: kafka-python", "client: kafkapython", "source.client", "kafkapython", "did you mean kafka-python?"),
    ("topics: [payments]", "topic: [payments]", "source.topic", "topic:", "did you mean topics?"),
    ("topics: [payments]", "topics: payments", "source.topics", "topics:", "must be a list"),
    ("topics: [payments]", "topics: []", "source.topics", "topics:", "at least 1 item"),
    ("  group_id: driftline-payments\n", "  kind: kafka\n", "source.kind", "kind: kafka\n  start", "stands here twice"),
    ("decoder: {kind: json}", "decoder: {kind: jsno}", "decoder.kind", "decoder:", "json"),
    ("topic: payments.dead", "topic: payments", "dead_letter.topic", "dead_letter", "read again"),
    ("unit: ms", "unit: sec", "time.unit", "time:", "got sec"),
    ("lateness: 30s", "lateness: 30", "", "time:", ""),
    ("lateness: 30s", "lateness: 30 sec", "time.lateness", "time:", "such as 30s"),
    ("lateness: 30s", f"lateness: {'9' * 400}s", "time.lateness", "time:", "not a duration"),
    ("lateness: 30s", "lateness: 999999999999999w", "time.lateness", "time:", "century"),
    ("pane: 1m", "pane: 7s", "window.pane", "window:", "not a multiple"),
    ("pane: 1m", "pane: 0s", "window.pane", "window:", "greater than 0"),
    ("size: 1m", "size: 0s", "window.size", "window:", "greater than 0"),
    ("pane: 1m", "pane: 10ms", "window", "window:", "limits.max_open_panes"),
    ("field: country", "field: contry", "segments[0].field", "segments:", "not among the fields"),
    ("field: country", "field: amount", "segments[0].field", "segments:", "need category or boolean"),
    ("max: 20", "max: 201", "segments", "segments:", "limits.max_segments"),
    ("max: 20", "max: 1, values: [DE, FR]", "segments[0]", "segments:", "raise max"),
    ("max: 20", "values: [DE, DE]", "segments[0]", "segments:", "listed twice"),
    ("max: 20}]", "max: 20}, {field: country}]", "segments[1].field", "segments:", "used twice"),
    ("kind: file, path", "kind: yearly, path", "baseline.kind", "baseline:", "got yearly"),
    ("type: number", "type: numbr", "fields.amount.type", "amount:", "did you mean number?"),
    ("type: number", "tpye: number", "fields.amount.tpye", "amount:", "did you mean type?"),
    ("required: true", "required: maybe", "fields.amount.required", "amount:", "got maybe"),
    (AMOUNT, "range: [5, 1]", "fields.amount.range", "amount:", "exchange them"),
    (AMOUNT, "range: [.nan, 1]", "fields.amount.range[0]", "amount:", "finite"),
    (AMOUNT, "range: [0, 1, 2]", "fields.amount.range", "amount:", "at most 2"),
    (AMOUNT, "allowed: [DE]", "fields.amount.allowed", "amount:", "not a number"),
    (AMOUNT, "max_failure_ratio: 5", "fields.amount.max_failure_ratio", "amount:", "got 5"),
    ("allowed: [DE, FR, US]", "range: [0, 1]", "fields.country.range", "country:  ", "only number and integer"),
    ("allowed: [DE, FR, US]", "allowed: []", "fields.country.allowed", "country:  ", "at least 1 item"),
    ("allowed: [DE, FR, US]", "allowed: [1]", "fields.country.allowed", "country:  ", "put it in quotes"),
    (
        "type: category}",
        "type: category, drift: [{kind: ks}]}",
        'fields."merchant.mcc".drift[0]',
        '"merchant',
        "cannot",
    ),
    ("note:     {type: text}", "note: {type: text, drift: [{kind: psi}]}", "fields.note.drift[0]", "note:", "cannot"),
    ("note: ", "Amount: ", "fields.Amount", "Amount:", "letter case"),
    ("note: ", "merchant: ", "fields.merchant", "merchant:  ", "value and an object"),
    ("note: ", "Merchant.name: ", 'fields."Merchant.name"', "Merchant.name", "letter case"),
    ("note: ", "Event_Time: ", "time.field", "time:", "letter case"),
    ("note: ", "event_time: ", "fields.event_time.type", "event_time:  ", "a time in ms cannot be of type text"),
    ("note: ", "a..b: ", 'fields."a..b"', "a..b", "single dots"),
    ("note: ", "$offset: ", "fields.$offset", "$offset", "$timestamp_ms"),
    ("note: ", "$timestamp_ms: ", "fields.$timestamp_ms.type", "$timestamp", "cannot be text"),
    ("{type: text}", "{type: integer}\n  $key: {type: number}", "fields.$key.type", "$key", "use category or text"),
    ("field: event_time", "field: $timestamp_ms", "time.field", "time:", "leave time.field out"),
    ("kind: psi", "kind: psy", "drift[0].kind", "psy", "did you mean psi?"),
    ("kind: psi, ", "", "drift[0]", "- {warning", "add one of kind"),
    ("kind: ks", "kind: psi", "drift[1].kind", "warning: 0.1, critical: 0.2}", "used twice"),
    ("warning: 0.1", "warning: 0.5", "drift[0].critical", "psi", "below warning"),
    ("warning: 0.1", "warning: -1", "drift[0].warning", "psi", "got -1"),
    ("warning: 0.1", "warning: .inf", "drift[0].warning", "psi", "finite"),
    ("warning: 0.1", "warning: true", "drift[0].warning", "psi", "must be a number (got true)"),
    ("raise_after: 2", "raise_after: 0", "alerting.raise_after", "alerting:", "got 0"),
    ("raise_after: 2", "raise_after: false", "alerting.raise_after", "alerting:", "must be a number"),
    ("min_per_window: 1", "min_per_windw: 1", "checks[0].min_per_windw", "volume", "did you mean min_per_window?"),
    ("{kind: volume, min", "{kind: volume}\n  - {kind: volume, min", "checks[1].name", "volume, min", "used twice"),
    ("min_per_window: 1}", "name: amount.type}", "checks[0].name", "volume", "already checked"),
    (
        "kind: volume, min_per_window: 1",
        "kind: range, field: amout, min: 0",
        "checks[0].field",
        "range, field",
        "amount",
    ),
    (
        "kind: volume, min_per_window: 1",
        "kind: range, field: note, min: 0",
        "checks[0].field",
        "range, f",
        "needs integer or",
    ),
    (VOLUME, "kind: regex, field: amount, pattern: a", "checks[0].field", "regex, f", "needs category or text"),
    (VOLUME, "kind: regex, field: note, pattern: a)(", "checks[0].pattern", "regex, f", "not an RE2 pattern"),
    (
        VOLUME,
        "kind: sql, name: s, expression: 'amout >= 0'",
        "checks[0].expression",
        "sql, n",
        'did you mean "amount"?',
    ),
    (VOLUME, "kind: sql, name: s, expression: 'amount'", "checks[0].expression", "sql, n", "is of type DOUBLE"),
    (VOLUME, "kind: sql, name: s, expression: 'random() < 1'", "checks[0].expression", "sql, n", "the same answer"),
    (VOLUME, "kind: compare, field: amount, op: <, other: note", "checks[0].other", "compare, f", "is of type text"),
    (VOLUME, "kind: compare, field: amount, op: <, other: amout", "checks[0].other", "compare, f", "mean amount?"),
    (VOLUME, "kind: duplicates, key: [notee]", "checks[0].key", "duplicates, k", "mean note?"),
    (VOLUME, "kind: duplicates, key: [note], horizon: 30s", "checks[0].horizon", "duplicates, k", "raise it to 1m"),
    (VOLUME, "kind: duplicates, key: record, capacity: 100000000", "checks[0]", "", "above max_bytes"),
    (VOLUME, "kind: monotonic, field: amount, by: [notee]", "checks[0].by", "monotonic, f", "mean note?"),
    (VOLUME, "kind: sequence, field: amount", "checks[0].field", "sequence, f", "needs integer"),
    (
        "{kind: volume, min_per_window: 1}",
        "\n  - ".join(f"{{kind: monotonic, field: amount, max_keys: 10000000, name: {name}}}" for name in "abc"),
        "checks",
        "",
        "more than limits.max_state_bytes",
    ),
    ("name: hook", "name: am", "sinks[1].name", "webhook", "used twice"),
    ("http://alertmanager:9093", "alertmanager:9093", "sinks[0].urls[0]", "alertmanager, name", "http"),
    ("checkpoint_interval: 5s", "checkpoint_interval: 0s", "store.checkpoint_interval", "store:", "greater than 0"),
    ("0.0.0.0:9108", "9108", "http.listen", "http: {", "host:port"),
    ("max_series: 20000", "max_serie: 20000", "limits.max_serie", "limits:", "did you mean max_series?"),
    ("max_series: 20000", "max_fields: 3", "fields", "fields:", "more than limits.max_fields"),
    ("max_categories: 1000", "max_categories: 2", "fields.country.allowed", "country:  ", "limits.max_categories"),
    ("1048576", "1 mega", "limits.max_record_bytes", "limits:", "KiB"),
    ("${KAFKA_PASSWORD}", "${NO_SUCH}", "source.security.password", "security:", "NO_SUCH is not set"),
    ("limits: {", "limits: [", "document", "", "not YAML"),
]


@pytest.mark.parametrize(("old", "new", "path", "fragment", "phrase"), BAD)
def test_a_bad_configuration_is_refused_with_line_path_and_remedy(old, new, path, fragment, phrase):
    text = changed((old, new))
    if not path:
        configured(text)
        return
    found = {problem.path: problem for problem in problems(text)}
    assert path in found, found
    assert phrase in str(found[path])
    if fragment:
        assert found[path].line == line_of(text, fragment)


def test_all_problems_are_found_at_once_in_the_order_of_their_lines():
    text = changed(
        ("name: payments", "name: PAYMENTS"),
        ("unit: ms", "unit: fortnight"),
        ("country:  {type", "Amount:  {type"),  # a rule over sections, although others are broken
        ("kind: psi", "kind: psy"),
        ("raise_after: 2", "raise_after: 0"),
        ("name: hook", "name: am"),
        ("${KAFKA_PASSWORD}", "${NO_SUCH}"),
        ("limits: {", "limits: {max_fieldz: 1, "),
    )
    found = problems(text)
    assert {problem.path for problem in found} >= {
        "name",
        "time.unit",
        "drift[0].kind",
        "alerting.raise_after",
        "sinks[1].name",
        "source.security.password",
        "limits.max_fieldz",
        "segments[0].field",
    }
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    assert found[0].line == 1


def test_drift_without_a_baseline_says_how_to_get_one():
    found = problems(changed(("baseline: {kind: file, path: baselines/payments}\n", "")))
    assert {problem.path for problem in found} == {"drift", "segments[0]"}
    assert all("driftline baseline build -c FILE" in str(problem) for problem in found)


def test_segments_with_values_need_no_baseline():
    text = changed(
        ("baseline: {kind: file, path: baselines/payments}\n", ""),
        ("max: 20", "values: [DE, FR]"),
        ("drift:\n", "drift: []\nignored:\n"),
    )
    assert [problem.path for problem in problems(text)] == ["ignored"]


def test_a_monitor_that_watches_nothing_is_refused():
    [problem] = problems("name: m\nsource: {kind: files, paths: [a.jsonl]}\n")
    assert "nothing to watch" in problem.message


def test_a_group_needs_its_id():
    [problem] = problems(changed(("assignment: all", "assignment: group"), ("  group_id: driftline-payments\n", "")))
    assert (problem.path, problem.line) == ("source", 2)
    assert "group_id" in problem.message


def test_dead_letters_of_files_are_refused():
    [problem] = problems(MINIMAL + "dead_letter: {topic: t}\n")
    assert (problem.path, problem.line) == ("dead_letter", 4)


def test_a_reject_topic_that_a_pattern_would_read_again_is_refused():
    [problem] = problems(changed(("topics: [payments]", 'topics: ["^pay.*"]')))
    assert problem.path == "dead_letter.topic"


@pytest.mark.parametrize("text", ["", "[]", "just text", "~", "12"])
def test_what_is_no_mapping_is_refused(text):
    [problem] = problems(text)
    assert problem.message == "the configuration is not a mapping"


SECRET = "correct-horse-battery"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"${KAFKA_PASSWORD}"', f"[{SECRET}]"),
        ('"${KAFKA_PASSWORD}"', f"{{x: {SECRET}}}"),
        ("password:", f"pasword: {SECRET}, password:"),
        ("security: {", f"security: {SECRET}\n  options: {{"),
        ("security: {", f"security: [{SECRET}]\n  options: {{"),
        ("protocol: SASL_SSL", "protocol: ${KAFKA_PASSWORD}"),
        ("kind: kafka", "kind: ${KAFKA_PASSWORD}"),
        ("name: payments", "name: ${KAFKA_PASSWORD} X"),
        ("http://receiver/hook", f"ftp://receiver/{SECRET}"),
        ("http://receiver/hook", f"http://me:{SECRET}@receiver"),
        ("http://alertmanager:9093", f"http://me:{SECRET}@alertmanager"),
        ("max_series: 20000", "max_series: ${KAFKA_PASSWORD}"),
        ("field: event_time", "field: ${KAFKA_PASSWORD}..x"),
        ("field: country", "field: ${KAFKA_PASSWORD}"),
        ('listen: "0.0.0.0:9108"', f'token: "{SECRET} "'),
    ],
)
def test_secrets_are_never_told(old, new):
    env = {**ENV, "KAFKA_PASSWORD": SECRET}
    with pytest.raises(ConfigError) as caught:
        load(changed((old, new)), env)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.problems)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_ordinary_bad_value_is_told():
    [problem] = problems(changed(("max_series: 20000", "max_series: plenty")))
    assert problem.value == "plenty"


def test_a_file_is_named_and_its_byte_order_mark_ignored(tmp_path: Path):
    file = tmp_path / "driftline.yaml"
    file.write_text("\ufeff" + MINIMAL)
    assert load(file, {}).name == "m"
    file.write_text("nam: x")
    with pytest.raises(ConfigError, match=r"driftline\.yaml: line 1, nam: unknown key") as caught:
        load(file, {})
    assert caught.value.file == str(file)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"#" * (MAX_FILE_BYTES + 1)])
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, content: bytes | None):
    file = tmp_path / "driftline.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError):
        load(file, {})
    with pytest.raises(ConfigError):
        load(tmp_path, {})


def test_the_environment_is_that_of_the_process_unless_given(monkeypatch):
    monkeypatch.setenv("DRIFTLINE_TEST_NAME", "from-outside")
    assert load(MINIMAL.replace("name: m", "name: ${DRIFTLINE_TEST_NAME}")).name == "from-outside"


KEYS = st.sampled_from(
    [*Config.model_fields, "kind", "type", "path", "topics", "name", "amount", "urls", "warning", "size", "pane", "x"]
)
VALUES = st.recursive(
    st.one_of(
        st.sampled_from(["kafka", "files", "json", "psi", "number", "1m", "-1", "true", "~", "'x'", ".nan", "9e999"]),
        st.integers(-(10**20), 10**20).map(str),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(KEYS, inner, max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=8), st.booleans())
def test_whatever_the_text_only_a_config_error_is_raised(pairs, complete):
    text = "".join(f"{key}: {value}\n" for key, value in pairs.items())
    if complete:
        text = "".join(line for line in INTERFACE.splitlines(keepends=True) if line.split(":")[0] not in pairs) + text
    with suppress(ConfigError):
        load(text, ENV)
