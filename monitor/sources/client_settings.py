"""What the configuration of a Kafka source is called by each of the two client libraries."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from monitor.sources.kafka_settings import KafkaSpec


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


def kafka_python_connection(spec: KafkaSpec) -> dict[str, Any]:
    """Return what kafka-python's consumers and producers alike need to connect; holds secrets, so never log it."""
    security = spec.security
    settings: dict[str, Any] = {
        "bootstrap_servers": list(spec.bootstrap_servers),
        "client_id": spec.client_id,
        "security_protocol": security.protocol,
        "sasl_mechanism": security.mechanism,
        "sasl_plain_username": security.username,
        "sasl_plain_password": _secret(security.password),
        "ssl_cafile": security.ca_file,
        "ssl_certfile": security.cert_file,
        "ssl_keyfile": security.key_file,
        "ssl_password": _secret(security.key_password),
        # librdkafka's mock cluster answers kafka-python's version probe wrongly; (1, 1) is what works on it.
        "api_version": (1, 1) if spec.embedded else None,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    if security.protocol.endswith("SSL"):
        settings["ssl_check_hostname"] = security.check_hostname
    if security.mechanism == "GSSAPI":
        settings["sasl_kerberos_service_name"] = security.kerberos_service_name
    # The library's own longest pause between attempts is 30 s, far longer than most restarts of a broker.
    return settings | {"bootstrap_timeout_ms": spec.connect_timeout, "reconnect_backoff_max_ms": 5_000}


def kafka_python_consumer(spec: KafkaSpec) -> dict[str, Any]:
    """Return the settings of kafka-python's consumer; without group_id, which depends on the consumer's part."""
    return (
        kafka_python_connection(spec)
        | {
            "enable_auto_commit": False,
            # Any value but earliest and latest makes the consumer raise, so that the source decides and counts.
            "auto_offset_reset": "none",
            "allow_auto_create_topics": False,
            "isolation_level": spec.isolation_level,
            "max_poll_records": spec.max_poll_records,
            "max_partition_fetch_bytes": spec.max_partition_fetch_bytes,
            "fetch_max_bytes": spec.fetch_max_bytes,
            "fetch_max_wait_ms": spec.fetch_max_wait,
            "metadata_max_age_ms": spec.refresh,
        }
        | spec.options
    )


def librdkafka_connection(spec: KafkaSpec) -> dict[str, Any]:
    """Return what librdkafka's consumers and producers alike need to connect; holds secrets, so never log it."""
    security = spec.security
    settings: dict[str, Any] = {
        "bootstrap.servers": ",".join(spec.bootstrap_servers),
        "client.id": spec.client_id,
        "security.protocol": security.protocol,
        "sasl.mechanisms": security.mechanism,
        "sasl.username": security.username,
        "sasl.password": _secret(security.password),
        "ssl.ca.location": security.ca_file,
        "ssl.certificate.location": security.cert_file,
        "ssl.key.location": security.key_file,
        "ssl.key.password": _secret(security.key_password),
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    if security.protocol.endswith("SSL"):
        settings["ssl.endpoint.identification.algorithm"] = "https" if security.check_hostname else "none"
    if security.mechanism == "GSSAPI":
        settings["sasl.kerberos.service.name"] = security.kerberos_service_name
    return settings


def librdkafka_consumer(spec: KafkaSpec) -> dict[str, Any]:
    """Return the settings of librdkafka's consumer, which has to be given a group even where it joins none."""
    settings = librdkafka_connection(spec) | {
        "group.id": spec.group_id or spec.client_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "isolation.level": spec.isolation_level,
        "max.partition.fetch.bytes": spec.max_partition_fetch_bytes,
        "fetch.max.bytes": max(spec.fetch_max_bytes, 1_000_000),
        "receive.message.max.bytes": max(100_000_000, spec.fetch_max_bytes + spec.max_partition_fetch_bytes),
        "fetch.wait.max.ms": spec.fetch_max_wait,
        # After a full local queue the default is to pause fetching for a whole second.
        "fetch.queue.backoff.ms": 20,
        "topic.metadata.refresh.interval.ms": spec.refresh,
    }
    if spec.options.get("group.protocol") != "consumer":
        settings["partition.assignment.strategy"] = "cooperative-sticky"
    return settings | spec.options
