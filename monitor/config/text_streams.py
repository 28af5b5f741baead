"""Which measures of a text field are watched as fields of their own, and what these are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, model_validator

from monitor.accumulators.languages import SAMPLE
from monitor.decoders.deriving import TextStreams
from monitor.detectors import DetectorSpec
from monitor.inner_types import WORDS, language_type
from monitor.spec import Spec
from monitor.texts.languages import LANGUAGE
from monitor.texts.streams import USUAL, VOCABULARY, StreamName, type_of
from monitor.types import FieldType

_OF_ROWS = frozenset({"missing", "invalid"})
"""Detectors that say of a made field what they say of its text already."""


class LanguageSpec(Spec):
    """The mix of languages, as a field `PATH.language`."""

    sample: int = Field(default=SAMPLE, ge=100, le=20_000, description="So many texts of a window are looked at.")


class TextStreamsSpec(Spec):
    """What is measured of the texts of a field; each measure is a field of its own, such as `note.words`."""

    measures: tuple[StreamName, ...] = Field(default=USUAL, description="The measures; each is a field `PATH.NAME`.")
    vocabulary: bool = Field(default=False, description="Whether the words are counted, as a field `PATH.vocabulary`.")
    language: LanguageSpec | None = Field(
        default=None, description="Whether the languages of a sample are told, as a field `PATH.language`."
    )
    max_chars: int = Field(
        default=4_096, ge=64, le=1 << 20, description="So many characters of a text are looked at; length sees all."
    )
    drift: tuple[DetectorSpec, ...] | None = Field(
        default=None, description="For the measures whose type they can compare; without it, the defaults."
    )

    @model_validator(mode="after")
    def _measures_something(self) -> Self:
        if len(set(self.measures)) < len(self.measures):
            raise ValueError("a measure is named twice; remove one")
        if not self.measures and not self.vocabulary and self.language is None:
            raise ValueError("nothing is measured; name measures, set vocabulary or language, or leave text out")
        return self


@dataclass(frozen=True)
class MadeField:
    """A field that is made of a text field; it has what a configured field has, and no contract of its own."""

    type: FieldType
    kept_type: FieldType
    drift: tuple[Any, ...] | None
    dimension: None = None
    allowed: None = None
    text: None = None

    def detectors(self, defaults: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return its detectors: those of its text's measures, else the defaults, that can compare its type."""
        own = self.drift
        wanted = own if own is not None else tuple(each for each in defaults if each.kind not in _OF_ROWS)
        return tuple(each for each in wanted if self.type in each.field_types)

    def checks(self, _path: str) -> tuple[()]:
        """Return no check: it has no contract."""
        return ()


def made_fields(fields: Mapping[str, Any]) -> dict[str, MadeField]:
    """Return the fields that are made of the configured ones, by path, in their order."""
    return {name: made for path, field in fields.items() for name, made in _made_of(path, field.text)}


def _made_of(path: str, spec: TextStreamsSpec | None) -> Iterator[tuple[str, MadeField]]:
    if spec is None:
        return
    for name in spec.measures:
        yield f"{path}.{name}", MadeField(type_of(name), type_of(name), spec.drift)
    if spec.vocabulary:
        yield f"{path}.{VOCABULARY}", MadeField("category", WORDS, spec.drift)
    if spec.language is not None:
        yield f"{path}.{LANGUAGE}", MadeField("category", language_type(spec.language.sample), spec.drift)


def text_streams(fields: Mapping[str, Any]) -> tuple[TextStreams, ...]:
    """Return what the decoder has to make of the configured fields."""
    return tuple(
        TextStreams(
            path,
            field.text.measures,
            field.text.vocabulary,
            field.text.max_chars,
            language=field.text.language is not None,
        )
        for path, field in fields.items()
        if field.text is not None
    )
