"""Single records through kafka-python's producer."""

from __future__ import annotations

import kafka.errors as kafka_errors
from kafka import KafkaProducer

from monitor.sources.client_settings import kafka_python_connection
from monitor.sources.connecting import unreachable
from monitor.sources.kafka_settings import KafkaSpec
from monitor.sources.letters import ACCEPT_TIMEOUT_S, MAX_LETTER_BYTES, Letter, Outcome, Settle

_REFUSED_FOR_GOOD = (kafka_errors.MessageSizeTooLargeError, kafka_errors.InvalidRecordError)


class KafkaPythonLetterBox:
    """A `LetterBox` on kafka-python. A header without a value arrives as an empty one: the producer takes no null."""

    def __init__(self, topic: str, source: KafkaSpec) -> None:
        self._topic = topic
        settings = kafka_python_connection(source) | {
            "acks": "all",
            "linger_ms": 20,
            "max_block_ms": int(ACCEPT_TIMEOUT_S * 1000),
            "max_request_size": MAX_LETTER_BYTES,
            "allow_auto_create_topics": True,
            # The mock cluster speaks no idempotence in the version that kafka-python has to use on it.
            "enable_idempotence": not source.embedded,
        }
        try:
            self._producer = KafkaProducer(**settings)
        except kafka_errors.KafkaError as error:
            raise unreachable(source, f"no broker lets the producer in: {error}") from error

    def accept(self, letter: Letter, settle: Settle) -> bool:
        """Take the letter unless the topic or memory is not to be had in time; see `LetterBox`."""
        headers = [(name, value or b"") for name, value in letter.headers]
        value = b"" if letter.value is None and letter.key is None else letter.value
        try:
            future = self._producer.send(self._topic, value, key=letter.key, headers=headers)
        except _REFUSED_FOR_GOOD as error:
            settle((letter, Outcome(str(error))))
            return True
        except kafka_errors.KafkaError:
            return False
        future.add_callback(lambda _: settle((letter, Outcome())))
        future.add_errback(lambda error: settle((letter, _outcome(error))))
        return True

    def serve(self) -> None:
        """Do nothing: the client's own thread tells outcomes."""

    def flush(self, timeout_s: float) -> None:
        """Wait for what was taken; see `LetterBox`."""
        try:
            self._producer.flush(timeout=timeout_s)
        except kafka_errors.KafkaError:
            return

    def close(self) -> None:
        """Release the connections."""
        self._producer.close(timeout=0)


def _outcome(error: BaseException) -> Outcome:
    """Return what an error means for the letter: most of them pass, and it is sent again."""
    return Outcome(f"{type(error).__name__}: {error}", again=not isinstance(error, _REFUSED_FOR_GOOD))
