"""A Protobuf message cut down to the asked fields, for the columnar reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from monitor.decoders.protobuf_schema import UnusableProtoError
from monitor.types import FieldType

_WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
_TIME = "google.protobuf.Timestamp"
_STANDS_FOR = {
    FieldDescriptor.TYPE_MESSAGE: FieldDescriptor.TYPE_BYTES,
    FieldDescriptor.TYPE_ENUM: FieldDescriptor.TYPE_INT32,
}
"""The same bytes on the wire, and no more than we want to know of them."""
_Tree = dict[str, Any]


@dataclass(frozen=True)
class ProtoSchema:
    """A message cut down to the asked fields, and how each path is to be read from it.

    `paths` are those of plain fields in the cut message (wrappers have a step more), `times` the timestamps,
    which have `.seconds` and `.nanos` there, and `enums` the names by number of fields that are numbers there.
    """

    descriptor: Descriptor
    paths: Mapping[str, str]
    times: frozenset[str]
    enums: Mapping[str, Mapping[int, str]]
    names: frozenset[str]
    """The names of all fields of the whole message."""


@dataclass
class _Cut:
    """What has been cut out so far."""

    file: descriptor_pb2.FileDescriptorProto
    paths: dict[str, str] = field(default_factory=dict)
    times: set[str] = field(default_factory=set)
    enums: dict[str, Mapping[int, str]] = field(default_factory=dict)


def cut_down(message: Descriptor, fields: Mapping[str, FieldType]) -> ProtoSchema:
    """Return a message with the asked fields only.

    All else is skipped on the wire unread. As each asked path gets messages of its own, none of them is inside
    itself, so how deeply records nest is bounded by the configuration. Bytes stand for messages that are asked
    for as values, numbers for enumerations. Groups, which proto2 had, are left out.
    """
    tree: _Tree = {}
    for path, kind in fields.items():
        node = tree
        *parents, leaf = path.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = kind
    cut = _Cut(descriptor_pb2.FileDescriptorProto(name="row.proto", package="driftline", syntax="proto3"))
    name = _message(cut, message, tree, "")
    pool = descriptor_pool.DescriptorPool()
    try:
        pool.Add(cut.file)
    except TypeError as error:
        raise UnusableProtoError(f"cannot be cut down to the configured fields: {error}") from error
    names = frozenset(field.name for field in message.fields)
    return ProtoSchema(
        pool.FindMessageTypeByName(f"driftline.{name}"), cut.paths, frozenset(cut.times), cut.enums, names
    )


def _message(cut: _Cut, source: Descriptor, tree: _Tree, prefix: str) -> str:
    """Add a message with the fields of `tree` and return its name."""
    made = cut.file.message_type.add(name=f"M{len(cut.file.message_type)}")
    optional = []
    for name, below in tree.items():
        field = source.fields_by_name.get(name)
        if field is None or field.type == FieldDescriptor.TYPE_GROUP:
            continue
        path = prefix + name
        if not isinstance(below, dict):
            added = _leaf(cut, field, path, below)
        elif _is_map(field):
            added = _map(cut, made, field, path, below)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not field.is_repeated:
            added = _reference(_message(cut, field.message_type, below, path + "."))
        else:
            continue
        added.name, added.number = name, field.number
        made.field.append(added)
        if field.has_presence and added.type != FieldDescriptor.TYPE_MESSAGE:
            optional.append(made.field[-1])
    for added in optional:
        added.proto3_optional, added.oneof_index = True, len(made.oneof_decl)
        made.oneof_decl.add(name=f"_{added.name}")
    return str(made.name)


def _leaf(cut: _Cut, field: FieldDescriptor, path: str, kind: FieldType) -> descriptor_pb2.FieldDescriptorProto:
    """Return a field whose value is asked for, and note how it is read."""
    target = field.message_type.full_name if field.type == FieldDescriptor.TYPE_MESSAGE else ""
    kept = _STANDS_FOR.get(field.type, field.type)
    cut.paths[path] = path
    if field.is_repeated:
        return descriptor_pb2.FieldDescriptorProto(type=kept, label=FieldDescriptor.LABEL_REPEATED)
    if target in _WRAPPERS:
        cut.paths[path] = f"{path}.value"
        return _reference(_scalars(cut, value=field.message_type.fields_by_name["value"].type))
    if target == _TIME:
        cut.times.add(path)
        cut.paths.pop(path)
        return _reference(_scalars(cut, seconds=FieldDescriptor.TYPE_INT64, nanos=FieldDescriptor.TYPE_INT32))
    if field.type == FieldDescriptor.TYPE_ENUM and _is_text(kind):
        cut.enums[path] = _names(field)
    return descriptor_pb2.FieldDescriptorProto(type=kept, label=FieldDescriptor.LABEL_OPTIONAL)


def _map(
    cut: _Cut, made: descriptor_pb2.DescriptorProto, field: FieldDescriptor, path: str, below: _Tree
) -> descriptor_pb2.FieldDescriptorProto:
    """Return a map of which values are asked for by key; messages in it are no values."""
    key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    name = "".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry"
    entry = made.nested_type.add(name=name)
    entry.options.map_entry = True
    for each in (key, value):
        kept = _STANDS_FOR.get(each.type, each.type)
        entry.field.add(name=each.name, number=each.number, type=kept, label=FieldDescriptor.LABEL_OPTIONAL)
    cut.paths |= {f"{path}.{name}": f"{path}.{name}" for name, kind in below.items() if not isinstance(kind, dict)}
    if value.type == FieldDescriptor.TYPE_ENUM:
        cut.enums |= {f"{path}.{name}": _names(value) for name, kind in below.items() if _is_text(kind)}
    added = _reference(f"{made.name}.{name}")
    added.label = FieldDescriptor.LABEL_REPEATED
    return added


def _scalars(cut: _Cut, **types: int) -> str:
    """Add a message of numbered scalar fields and return its name."""
    made = cut.file.message_type.add(name=f"M{len(cut.file.message_type)}")
    for number, (name, kind) in enumerate(types.items(), 1):
        made.field.add(name=name, number=number, type=kind, label=FieldDescriptor.LABEL_OPTIONAL)
    return str(made.name)


def _reference(name: str) -> descriptor_pb2.FieldDescriptorProto:
    return descriptor_pb2.FieldDescriptorProto(
        type=FieldDescriptor.TYPE_MESSAGE, type_name=f".driftline.{name}", label=FieldDescriptor.LABEL_OPTIONAL
    )


def _is_map(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_MESSAGE and bool(field.message_type.GetOptions().map_entry)


def _is_text(kind: Any) -> bool:
    return kind in ("category", "text")


def _names(field: FieldDescriptor) -> Mapping[int, str]:
    """Return the names of an enumeration's values by number."""
    return {number: value.name for number, value in field.enum_type.values_by_number.items()}
