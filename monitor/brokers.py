"""How the brokers of a Kafka cluster are named and convinced, for all that connect to one."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, WithJsonSchema, model_validator

from monitor.spec import Spec


def _split(value: Any) -> Any:
    """Return the parts of a comma-separated text; anything else as it is."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Servers = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1)], ...],
    Field(min_length=1),
    BeforeValidator(_split),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
"""Brokers to ask first, `host:port`, in a list or with commas between them."""


class SecuritySpec(Spec):
    """How to reach and convince the brokers. Secrets never appear in a repr; files are PEM."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Whether the connection is encrypted, and whether we log in."
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"] | None = Field(
        default=None, description="How to log in, with a SASL protocol."
    )
    username: str | None = Field(default=None, description="Who logs in.")
    password: SecretStr | None = Field(default=None, description="The password of `username`.")
    ca_file: str | None = Field(default=None, description="Authorities to trust instead of the system's.")
    cert_file: str | None = Field(default=None, description="The client's own certificate.")
    key_file: str | None = Field(default=None, description="The key of `cert_file`.")
    key_password: SecretStr | None = Field(default=None, description="What `key_file` is encrypted with.")
    check_hostname: bool = Field(default=True, description="Whether the brokers' certificates must name the host.")
    kerberos_service_name: str = Field(default="kafka", description="The brokers' principal, with GSSAPI.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        sasl = self.protocol.startswith("SASL_")
        if sasl and self.mechanism is None:
            raise ValueError(f"protocol {self.protocol} needs a mechanism")
        if self.mechanism is not None and not sasl:
            raise ValueError(f"mechanism {self.mechanism} needs protocol SASL_SSL or SASL_PLAINTEXT")
        if self.mechanism not in (None, "GSSAPI") and (self.username is None or self.password is None):
            raise ValueError(f"mechanism {self.mechanism} needs username and password")
        if not self.protocol.endswith("SSL") and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("ca_file, cert_file and key_file need protocol SSL or SASL_SSL")
        return self
