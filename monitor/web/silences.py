"""Silences over HTTP: list, create, end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol, Self

import structlog
from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from monitor.alerting.matching import Matcher, parse_matcher, parse_matchers
from monitor.alerting.silence import Silence, TooManySilences
from monitor.errors import Retryable
from monitor.spec import DurationMs, Spec
from monitor.web.alerts import silence_document
from monitor.web.json import json_response, problem
from monitor.web.text import shown

MAX_BODY_BYTES: Final = 16_384
_LONGEST_MS: Final = 366 * 86_400_000
_SLACK_MS: Final = 60_000
"""A client's clock may be this much behind ours."""


class Silencing(Protocol):
    """Keeps silences; `monitor.gating.Silencer` does. May block for seconds, so it is called in a thread."""

    def now_ms(self) -> int:
        """Return the wall clock."""
        ...

    def all(self) -> list[Silence]:
        """Return the silences that are kept; raises Retryable."""
        ...

    def add(
        self, matchers: tuple[Matcher, ...], starts_at_ms: int, ends_at_ms: int, *, reason: str, author: str
    ) -> Silence:
        """Keep a silence; raises TooManySilences or Retryable."""
        ...

    def expire(self, silence_id: str) -> Silence | None:
        """End a silence; None when there is none of this id. Raises Retryable."""
        ...


def _sound(text: str) -> str:
    parse_matcher(text)
    return text


def _together(texts: tuple[str, ...]) -> tuple[str, ...]:
    parse_matchers(texts)
    return texts


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; say it in a few words")
    return text.strip()


class SilenceRequest(Spec):
    """What a silence is made from: it ends at `ends_at`, or `for` so long after its start, which is now by default."""

    matchers: Annotated[tuple[Annotated[str, AfterValidator(_sound)], ...], AfterValidator(_together)] = Field(
        max_length=20
    )
    reason: Annotated[str, Field(max_length=500), AfterValidator(_said)]
    author: Annotated[str, Field(max_length=100), AfterValidator(_said)]
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    lasts: DurationMs | None = Field(None, alias="for", gt=0)

    _span_ms: tuple[int, int] = PrivateAttr((0, 0))

    @model_validator(mode="after")
    def _parts_agree(self, info: ValidationInfo) -> Self:
        """Check the span of time; the wall clock is the context."""
        if (self.ends_at is None) == (self.lasts is None):
            raise ValueError("a silence must end; send either ends_at or for")
        now_ms: int = info.context  # type: ignore[assignment]  # pydantic does not say what its context is
        start_ms = now_ms if self.starts_at is None else max(_ms(self.starts_at), now_ms)
        end_ms = start_ms + (self.lasts or 0) if self.ends_at is None else _ms(self.ends_at)
        if self.starts_at is not None and _ms(self.starts_at) < now_ms - _SLACK_MS:
            raise ValueError("starts_at is in the past; leave it out to begin now")
        if end_ms <= start_ms:
            raise ValueError("ends before it starts, or in the past; choose a later ends_at")
        if end_ms - now_ms > _LONGEST_MS:
            raise ValueError("ends in more than a year; remove the rule instead, or silence for a shorter time")
        self._span_ms = (start_ms, end_ms)
        return self

    @property
    def span_ms(self) -> tuple[int, int]:
        """When it starts and ends."""
        return self._span_ms


class SilencePages:
    """The handlers; the guard lets through only who may write."""

    def __init__(self, silencing: Silencing) -> None:
        """Answer with what `silencing` keeps."""
        self._silencing = silencing
        self._log = structlog.get_logger(__name__)

    async def all(self, request: Request) -> Response:
        """List the silences, or with POST create one: 201 and the silence, or every problem of it at once."""
        if request.method == "POST":
            return await self._create(request)
        try:
            silences = await run_in_threadpool(self._silencing.all)
        except Retryable as error:
            return _unavailable(error)
        now_ms = self._silencing.now_ms()
        return json_response({"silences": [silence_document(silence, now_ms) for silence in silences]})

    async def one(self, request: Request) -> Response:
        """End a silence: 200 and the silence as it is then."""
        silence_id = request.path_params["id"]
        try:
            ended = await run_in_threadpool(self._silencing.expire, silence_id)
        except Retryable as error:
            return _unavailable(error)
        if ended is None:
            return problem(404, f"no silence {shown(silence_id, 60)}", "see GET /api/v1/silences for their ids")
        self._log.warning("silence_expired", id=ended.id)
        return json_response(silence_document(ended, self._silencing.now_ms()))

    async def _create(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return problem(415, "the body is not said to be JSON", "send `Content-Type: application/json`")
        body = await _body(request)
        if body is None:
            return problem(413, f"the body is over {MAX_BODY_BYTES} bytes", "use fewer or shorter matchers")
        now_ms = self._silencing.now_ms()
        try:
            wanted = SilenceRequest.model_validate_json(body, context=now_ms)
        except ValidationError as error:
            return _invalid(error)
        start_ms, end_ms = wanted.span_ms
        matchers = parse_matchers(wanted.matchers)
        try:
            made = await run_in_threadpool(
                self._silencing.add, matchers, start_ms, end_ms, reason=wanted.reason, author=wanted.author
            )
        except TooManySilences as error:
            return problem(409, str(error), "expire some, or raise limits.max_silences")
        except Retryable as error:
            return _unavailable(error)
        self._log.warning(
            "silence_created",
            id=made.id,
            matchers=[str(matcher) for matcher in made.matchers],
            ends_at_ms=made.ends_at_ms,
            reason=made.reason,
            author=made.author,
        )
        return json_response(silence_document(made, now_ms), 201)


async def _body(request: Request) -> bytes | None:
    """Return the body; None, without reading on, when it is too large or breaks off."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        return None
    return body


def _invalid(error: ValidationError) -> Response:
    """Return every problem with its path; a value is never quoted."""
    problems: list[dict[str, Any]] = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        message = each["msg"].removeprefix("Value error, ")
        problems.append({"path": ".".join(map(str, each["loc"])), "message": shown(message, 300)})
    remedy = "correct every problem listed, see docs/reference/api.md"
    return json_response({"error": "not a silence", "remedy": remedy, "problems": problems}, 400)


def _unavailable(error: Retryable) -> Response:
    return problem(503, str(error), "try again in a few seconds")


def _ms(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
