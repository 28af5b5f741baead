"""Single records through librdkafka's producer."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from monitor.errors import SurroundingsError
from monitor.sources.client_settings import librdkafka_connection
from monitor.sources.kafka_settings import KafkaSpec
from monitor.sources.letters import MAX_LETTER_BYTES, Letter, Outcome, Settle

_REFUSED_FOR_GOOD = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD)


class LibrdkafkaLetterBox:
    """A `LetterBox` on librdkafka, which takes letters before it knows the topic."""

    def __init__(self, topic: str, source: KafkaSpec) -> None:
        self._topic = topic
        settings = librdkafka_connection(source) | {
            "acks": "all",
            "enable.idempotence": not source.embedded,
            "linger.ms": 20,
            "message.max.bytes": MAX_LETTER_BYTES,
        }
        try:
            self._producer = Producer(settings, logger=logging.getLogger("librdkafka"))
        except KafkaException as error:
            raise SurroundingsError(f"librdkafka refuses its settings: {error.args[0].str()}") from error

    def accept(self, letter: Letter, settle: Settle) -> bool:
        """Take the letter unless the local queue is full; see `LetterBox`."""

        def told(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                settle((letter, Outcome()))
            else:
                settle((letter, Outcome(error.str(), again=error.code() not in _REFUSED_FOR_GOOD)))

        try:
            self._producer.produce(
                self._topic, letter.value, key=letter.key, headers=list(letter.headers), on_delivery=told
            )
        except BufferError:
            return False
        except KafkaException as error:
            settle((letter, Outcome(error.args[0].str())))
        return True

    def serve(self) -> None:
        """Let outcomes be told."""
        self._producer.poll(0)

    def flush(self, timeout_s: float) -> None:
        """Wait for what was taken; see `LetterBox`."""
        self._producer.flush(timeout_s)

    def close(self) -> None:
        """Drop what was not delivered."""
        self._producer.purge()
        self._producer.poll(0)
