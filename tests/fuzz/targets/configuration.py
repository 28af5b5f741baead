"""Configuration: any text is a configuration or a list of problems."""

from __future__ import annotations

from monitor.config.loader import load
from monitor.errors import ConfigError
from tests.fuzz.target import Target, Try
from tests.support.configurations import INTERFACE


def build() -> Try:
    """Return what loads an input as a configuration."""

    def attempt(data: bytes) -> None:
        try:
            load(data.decode("utf-8", "replace"), {"KAFKA_PASSWORD": "correct-horse", "A": "${A}"})
        except ConfigError as error:
            assert error.problems
            assert len(str(error)) < 1_000_000, "the problems are longer than anybody reads"

    return attempt


SEEDS = (
    INTERFACE.encode(),
    b"name: ${A:-x}\nsource: {kind: kafka, topics: ['${file:/etc/../etc/hostname}']}\n",
    b"a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c, *c]\n",
    b"%YAML 1.1\n%TAG ! tag:x,2000:\n--- !!python/object/apply:os.system ['x']\n...\n",
    b'a: "\\x41\\u0041\\U00000041"\nb: 0x1F\nc: 1e999\nd: .inf\ne: !!int "x"\n? [k]\n: v\n<<: {a: 1}\nf: >-\n  x\n',
    b"a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]\nb: 99999999999999999999999999999999\n",
)
TARGET = Target(build, SEEDS)
