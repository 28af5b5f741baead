from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.sources import FilesSpec, KafkaSpec, SourceSpec
from monitor.sources.client_settings import (
    kafka_python_connection,
    kafka_python_consumer,
    librdkafka_connection,
    librdkafka_consumer,
)

SASL = {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "username": "u", "password": "geheim"}
TLS = {"protocol": "SSL", "ca_file": "/ca", "cert_file": "/cert", "key_file": "/key", "key_password": "geheim"}


def spec(**settings):
    return KafkaSpec.model_validate({"topics": ["t"], **settings})


def test_kind_decides_between_kafka_and_files():
    adapter = TypeAdapter(SourceSpec)
    assert isinstance(adapter.validate_python({"kind": "kafka", "topics": ["t"]}), KafkaSpec)
    assert isinstance(adapter.validate_python({"kind": "files", "paths": ["a.jsonl"]}), FilesSpec)


@pytest.mark.parametrize("servers", ["a:1, b:2", ["a:1", "b:2"]])
def test_servers_are_a_list_or_a_text_with_commas(servers):
    assert spec(bootstrap_servers=servers).bootstrap_servers == ("a:1", "b:2")


@pytest.mark.parametrize("servers", ["", "a:1,,b:2", []])
def test_an_empty_server_is_refused(servers):
    with pytest.raises(ValidationError):
        spec(bootstrap_servers=servers)


@pytest.mark.parametrize(
    ("start", "ms"),
    [
        ("earliest", None),
        ("latest", None),
        ("2026-01-31T00:00:00Z", 1769817600000),
        ("2026-01-31T01:00:00.5+01:00", 1769817600500),
        (datetime(2026, 1, 31, tzinfo=UTC), 1769817600000),
    ],
)
def test_the_start_is_a_mark_or_a_time_with_its_zone(start, ms):
    assert spec(start=start).start_ms == ms


@pytest.mark.parametrize(("start", "says"), [("yesterday", "write earliest"), ("2026-01-31T00:00:00", "no zone")])
def test_another_start_is_refused_with_what_to_write(start, says):
    with pytest.raises(ValidationError, match=says):
        spec(start=start)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"assignment": "group"}, "needs a group_id"),
        ({"topics": []}, "at least 1"),
        ({"topics": ["a/b"]}, "pattern"),
        ({"topics": ["^("]}, "no regular expression"),
        ({"options": {"enable.auto.commit": True}}, "set by Driftline"),
        ({"options": {"auto_offset_reset": "latest"}}, "set by Driftline"),
        ({"options": {"sasl.password": "geheim"}}, "under security"),
        ({"security": {"protocol": "SASL_SSL"}}, "needs a mechanism"),
        ({"security": {"mechanism": "PLAIN", "username": "u", "password": "geheim"}}, "needs protocol SASL"),
        ({"security": {"protocol": "SASL_SSL", "mechanism": "PLAIN", "username": "u"}}, "username and password"),
        ({"security": {"ca_file": "/ca"}}, "need protocol SSL"),
        ({"acks": "all"}, "Extra inputs"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_the_reason(settings, says):
    with pytest.raises(ValidationError, match=says):
        spec(**settings)


def test_a_pattern_matches_from_the_first_letter_on_and_never_kafkas_own_topics():
    wanted = spec(topics=["plain", "^pay[.]", "^.*"[:3]])
    assert wanted.wants("plain")
    assert wanted.wants("pay.a")
    assert not spec(topics=["^pay[.]"]).wants("repay.a")
    assert not wanted.wants("__consumer_offsets")
    assert not spec(topics=["plain"]).wants("plainer")


def test_secrets_are_in_neither_repr_nor_dump():
    for security in (SASL, TLS):
        configured = spec(security=security)
        assert "geheim" not in repr(configured)
        assert "geheim" not in configured.model_dump_json()


def test_kafka_python_gets_sasl_under_its_own_names():
    settings = kafka_python_connection(spec(security=SASL | {"ca_file": "/ca"}))
    assert {k: v for k, v in settings.items() if k.startswith(("sasl", "ssl", "security"))} == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "u",
        "sasl_plain_password": "geheim",
        "ssl_cafile": "/ca",
        "ssl_check_hostname": True,
    }


def test_librdkafka_gets_sasl_under_its_own_names():
    settings = librdkafka_connection(spec(security=SASL | {"ca_file": "/ca"}))
    assert {k: v for k, v in settings.items() if k.startswith(("sasl", "ssl", "security"))} == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "geheim",
        "ssl.ca.location": "/ca",
        "ssl.endpoint.identification.algorithm": "https",
    }


def test_client_certificates_and_an_unchecked_host_name_reach_both():
    configured = spec(security=TLS | {"check_hostname": False})
    python, native = kafka_python_connection(configured), librdkafka_connection(configured)
    assert [python[f"ssl_{name}"] for name in ("cafile", "certfile", "keyfile", "password", "check_hostname")] == [
        "/ca",
        "/cert",
        "/key",
        "geheim",
        False,
    ]
    assert [native[f"ssl.{name}"] for name in ("ca.location", "certificate.location", "key.location")] == [
        "/ca",
        "/cert",
        "/key",
    ]
    assert native["ssl.key.password"] == "geheim"
    assert native["ssl.endpoint.identification.algorithm"] == "none"


def test_kerberos_needs_no_password():
    configured = spec(security={"protocol": "SASL_SSL", "mechanism": "GSSAPI", "kerberos_service_name": "brokers"})
    assert kafka_python_connection(configured)["sasl_kerberos_service_name"] == "brokers"
    assert librdkafka_connection(configured)["sasl.kerberos.service.name"] == "brokers"


def test_without_security_nothing_is_said_about_it():
    assert not [name for name in kafka_python_connection(spec()) if name.startswith(("sasl", "ssl"))]
    assert not [name for name in librdkafka_connection(spec()) if name.startswith(("sasl", "ssl"))]


def test_neither_client_commits_or_resets_by_itself():
    python, native = kafka_python_consumer(spec()), librdkafka_consumer(spec())
    assert (python["enable_auto_commit"], native["enable.auto.commit"]) == (False, False)
    assert (python["auto_offset_reset"], native["auto.offset.reset"]) == ("none", "error")
    assert python["isolation_level"] == native["isolation.level"] == "read_committed"
    assert python["max_partition_fetch_bytes"] == native["max.partition.fetch.bytes"] == 16 << 20


def test_options_pass_through_to_the_client():
    assert kafka_python_consumer(spec(options={"client_rack": "a"}))["client_rack"] == "a"
    assert librdkafka_consumer(spec(options={"client.rack": "a"}))["client.rack"] == "a"


def test_the_new_group_protocol_is_given_no_assignor():
    assert librdkafka_consumer(spec())["partition.assignment.strategy"] == "cooperative-sticky"
    new = librdkafka_consumer(spec(options={"group.protocol": "consumer"}))
    assert "partition.assignment.strategy" not in new


def test_the_mock_cluster_needs_an_old_version_of_kafka_python_only():
    assert kafka_python_connection(spec(embedded=True))["api_version"] == (1, 1)
    assert "api_version" not in kafka_python_connection(spec())


@pytest.mark.filterwarnings("ignore:(open|read)_text is deprecated:DeprecationWarning")
def test_both_libraries_know_every_name():
    from confluent_kafka import Consumer  # noqa: PLC0415
    from kafka import KafkaConsumer, KafkaProducer  # noqa: PLC0415

    configured = spec(security=SASL | {"ca_file": "/ca", "cert_file": "/c", "key_file": "/k", "key_password": "x"})
    assert set(kafka_python_consumer(configured)) <= set(KafkaConsumer.DEFAULT_CONFIG)
    assert set(kafka_python_connection(configured)) <= set(KafkaProducer.DEFAULT_CONFIG)
    Consumer(librdkafka_consumer(spec())).close()
