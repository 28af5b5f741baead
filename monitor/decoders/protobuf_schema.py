"""Protobuf schemas: compiled from text or loaded, and their messages found."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import DecodeError

from monitor.errors import DAMAGE

_COMPILE_S = 30.0
_ROOT = "driftline_root.proto"


class UnusableProtoError(ValueError):
    """A schema whose records are not decoded; the message says why."""


def compile_texts(text: str, imports: Mapping[str, str]) -> FileDescriptor:
    """Return the descriptor of a .proto file's text; `imports` are the texts of what it imports, by name.

    Raises UnusableProtoError.
    """
    if any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in imports):
        raise UnusableProtoError("an import leads out of its directory")
    with tempfile.TemporaryDirectory(prefix="driftline-proto-") as directory:
        for name, content in {**imports, _ROOT: text}.items():
            file = Path(directory) / name
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content, encoding="utf-8")
            except (OSError, ValueError) as error:
                # A name that no file can have, or that is a directory of another; a text with half a character.
                raise UnusableProtoError(f"an import that cannot be written down: {error}") from error
        return compile_proto(Path(directory) / _ROOT)


def compile_proto(file: Path) -> FileDescriptor:
    """Return the descriptor of a .proto file, whose imports are found from its directory on.

    Google's own protoc does it, in a process of its own, so that whatever it runs into stays there; it takes
    about 0.2 s, once for each schema. Raises UnusableProtoError.
    """
    with tempfile.TemporaryDirectory(prefix="driftline-protoc-") as directory:
        out = Path(directory) / "descriptors"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{file.parent.absolute()}", "--include_imports"]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter, and no shell
                [*command, f"--descriptor_set_out={out}", str(file.absolute())],
                capture_output=True,
                text=True,
                timeout=_COMPILE_S,
                check=False,
                cwd=directory,
            )
        except subprocess.TimeoutExpired as error:
            raise UnusableProtoError(f"not compiled within {_COMPILE_S:g} s") from error
        if done.returncode or not out.is_file():
            raise UnusableProtoError(f"not a .proto file: {done.stderr.strip()[:500]}")
        return load_descriptors(out.read_bytes())


def load_descriptors(content: bytes) -> FileDescriptor:
    """Return the last file of a serialized FileDescriptorSet that holds its imports too; raises UnusableProtoError."""
    pool = descriptor_pool.DescriptorPool()
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(content).file
        for file in files:
            pool.Add(file)
        return pool.FindFileByName(files[-1].name)
    except (DecodeError, *DAMAGE) as error:
        raise UnusableProtoError(f"not a descriptor set with all imports: {error}") from error


def message_at(file: FileDescriptor, way: Sequence[int]) -> Descriptor | None:
    """Return the message that a framed record's numbers lead to, None where they lead nowhere."""
    nested: Sequence[Descriptor] = list(file.message_types_by_name.values())
    found = None
    for number in way:
        if not 0 <= number < len(nested):
            return None
        found = nested[number]
        nested = list(found.nested_types)
    return found


def message_named(file: FileDescriptor, name: str | None) -> Descriptor:
    """Return a message by its full name, None: the file's first; raises UnusableProtoError."""
    if name is None:
        first = message_at(file, [0])
        if first is None:
            raise UnusableProtoError("there is no message in it")
        return first
    try:
        return file.pool.FindMessageTypeByName(name)
    except KeyError as error:
        raise UnusableProtoError(f"there is no message {name} in it") from error
