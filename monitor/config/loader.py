"""Reads a configuration: YAML text in, a `Config` out, or everything that is wrong with it at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor.config.document import read_document
from monitor.config.files import read_text
from monitor.config.masking import scrubbed
from monitor.config.problems import misplaced_booleans, problem_of, problems_of
from monitor.config.rules import violations
from monitor.config.tree import Config
from monitor.errors import ConfigError, Problem


def load(source: Path | str, env: Mapping[str, str] | None = None) -> Config:
    """Return the configuration in a file (a Path) or a text (a str), interpolated from `env`.

    `env` is the process's environment unless given. Raises ConfigError with every problem found, each
    with its line, its path, the offending value (never a secret) and a remedy.
    """
    file = str(source) if isinstance(source, Path) else None
    text = read_text(source) if isinstance(source, Path) else source
    document = read_document(text, os.environ if env is None else env)
    problems = list(document.problems)
    if not isinstance(document.value, dict):
        if not problems:
            remedy = "see `driftline schema` for what belongs into it"
            problems.append(Problem("document", "the configuration is not a mapping", line=1, remedy=remedy))
        raise ConfigError(problems, file=file)
    sections: dict[str, Any] = {}
    found = misplaced_booleans(document)
    try:
        config = Config.model_validate(document.value, context=sections)
    except ValidationError as error:
        found += problems_of(error.errors(include_url=False), document)
        found += [problem_of(violation, document) for violation in violations(sections)]
    known = {problem.path for problem in problems}
    for problem in found:  # of several about one value the first is the nearest to what was written
        if problem.path not in known:
            problems.append(problem)
            known.add(problem.path)
    if problems:
        raise ConfigError(scrubbed(problems, document), file=file)
    return config.from_outside(document.outside)
