#!/usr/bin/env python3
"""Writes corpus.json: pairs of Avro schemas, bytes, and what a reader makes of them.

    pip install fastavro==1.13.1 && python3 make_corpus.py [SEED]

fastavro writes each value with the writer's schema and reads it with the reader's. A case is
{"name", "writer", "reader", "hex"} with "expected" (bytes as latin-1 strings, logical types as what they
annotate) or "error": true. Where fastavro and the specification (with the Java library where the
specification leaves room) disagree, the case gives what the specification says in `expect`, and "reason"
tells why; the script fails if fastavro does not disagree after all.

Logical types are taken out before fastavro sees a schema: resolution is of what they annotate, and the
corpus compares that.
"""
import io
import json
import random
import sys
from pathlib import Path

import fastavro

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 20261126
RANDOM_PAIRS = 400
UNSET = object()
cases = []


def plain(schema):
    """A schema without logical types."""
    if isinstance(schema, list):
        return [plain(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    out = {}
    for key, value in schema.items():
        if key in ("logicalType", "precision", "scale"):
            continue
        if key == "fields":
            value = [{**field, "type": plain(field["type"])} for field in value]
        elif key in ("type", "items", "values"):
            value = plain(value)
        out[key] = value
    return out


def neutral(value):
    """A value as JSON has it."""
    if isinstance(value, (bytes, bytearray)):
        return value.decode("latin-1")
    if isinstance(value, (list, tuple)):
        return [neutral(item) for item in value]
    if isinstance(value, dict):
        return {key: neutral(item) for key, item in value.items()}
    return value


def write(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain(schema)), value)
    return out.getvalue()


def read(writer, reader, data):
    """What fastavro reads; bytes left over are an error to us."""
    source = io.BytesIO(data)
    writer, reader = fastavro.parse_schema(plain(writer)), fastavro.parse_schema(plain(reader))
    value = fastavro.schemaless_reader(source, writer, reader)
    if source.read():
        raise ValueError("bytes are left over")
    return neutral(value)


def case(name, writer, reader, value=UNSET, *, data=None, expect=UNSET, error=False, reason=None):
    """Adds a case; with `reason`, `expect` or `error` is what fastavro does not do."""
    data = write(writer, value) if data is None else data
    entry = {"name": name, "writer": writer, "reader": reader, "hex": data.hex()}
    try:
        found = {"expected": read(writer, reader, data)}
    except Exception:  # fastavro raises whatever happens to it
        found = {"error": True}
    if reason:
        wanted = {"error": True} if error else {"expected": expect}
        assert json.dumps(wanted) != json.dumps(found), f"{name}: fastavro agrees"
        entry.update(wanted, reason=reason, fastavro=found.get("expected", "error"))
    else:
        if error:
            assert "error" in found, f"{name}: fastavro reads {found}"
        if expect is not UNSET:
            assert json.dumps(found) == json.dumps({"expected": expect}), f"{name}: {found}"
        entry.update(found)
    cases.append(entry)


def record(name, *fields, **more):
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name, kind, **more):
    return {"name": name, "type": kind, **more}


def enum(name, *symbols, **more):
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def fixed(name, size, **more):
    return {"type": "fixed", "name": name, "size": size, **more}


def logical(kind, name, **more):
    return {"type": kind, "logicalType": name, **more}


def array(items):
    return {"type": "array", "items": items}


def table(values):
    return {"type": "map", "values": values}


PRIMITIVES = {
    "null": None,
    "boolean": True,
    "int": -300,
    "long": 1 << 40,
    "float": 1.5,
    "double": -2.25,
    "bytes": b"\x61\x7a",
    "string": "gate",
}


def primitives():
    for writer, value in PRIMITIVES.items():
        for reader in PRIMITIVES:
            promoted_float = writer in ("int", "long") and reader in ("float", "double")
            case(f"{writer} as {reader}", writer, reader, value,
                 **({"expect": float(value)} if promoted_float else {}))
    for value in (0, -1, 63, 64, -64, -65, 2**31 - 1, -(2**31)):
        case(f"int {value}", "int", "int", value)
    for value in (2**63 - 1, -(2**63), 2**62, -(2**35)):
        case(f"long {value}", "long", "long", value)
    case("a long that a float rounds", "long", "float", 2**40 + 1, expect=float(2**40),
         reason="a float has 24 bits (Java rounds; fastavro keeps a double)")
    case("invalid UTF-8", "bytes", "string", b"\xff\xfe")
    case("empty string", "string", "string", "")
    case("letters", "string", "string", "Zürich ✈")


def truncated():
    schema = record("R", field("a", "int"), field("b", "string"), field("c", array("double")))
    data = write(schema, {"a": 70000, "b": "gate", "c": [1.0, 2.0]})
    for end in range(len(data)):
        case(f"cut after {end} bytes", schema, schema, data=data[:end], error=True)
    case("one byte too many", schema, schema, data=data + b"\0", error=True)
    case("negative length of a string", "string", "string", data=b"\x01", error=True)
    case("length beyond the bytes", "string", "string", data=b"\x10ab", error=True)
    case("huge length", "bytes", "bytes", data=b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", error=True)
    case("branch beyond the union", ["null", "int"], ["null", "int"], data=b"\x04", error=True)
    case("negative branch", ["null", "int"], ["null", "int"], data=b"\x01\x02", error=True,
         reason="an index is not negative (fastavro counts from the end)")
    case("symbol beyond the enum", enum("E", "A"), enum("E", "A"), data=b"\x02", error=True)
    case("blocks with sizes", array("int"), array("int"), data=bytes([3, 4, 2, 4, 1, 2, 6, 0]))
    case("blocks with sizes, dropped", record("R", field("xs", array("int")), field("y", "int")),
         record("R", field("y", "int")), data=bytes([3, 4, 2, 4, 1, 2, 6, 0, 14]), expect={"y": 7})


def records():
    a, b, c = field("a", "int"), field("b", "string"), field("c", "double")
    value = {"a": 1, "b": "x", "c": 0.5}
    case("same record", record("R", a, b, c), record("R", a, b, c), value)
    case("field dropped first", record("R", a, b, c), record("R", b, c), value)
    case("field dropped in the middle", record("R", a, b, c), record("R", a, c), value)
    case("field dropped last", record("R", a, b, c), record("R", a, b), value)
    case("all fields dropped", record("R", a, b, c), record("R"), value)
    case("fields reordered", record("R", a, b, c), record("R", c, a, b), value)
    case("field without default added", record("R", a), record("R", a, b), {"a": 1}, error=True)
    case("field promoted", record("R", a), record("R", field("a", "double")), {"a": 1},
         expect={"a": 1.0})
    case("field of another type", record("R", a), record("R", field("a", "string")), {"a": 1}, error=True)
    case("field alias", record("R", a), record("R", field("z", "int", aliases=["a"])), {"a": 1},
         expect={"z": 1})
    case("field alias and promotion", record("R", a), record("R", field("z", "long", aliases=["q", "a"])),
         {"a": 1}, expect={"z": 1})
    case("record alias", record("Old", a), record("New", a, aliases=["Old"]), {"a": 1})
    case("record alias in a namespace", record("n.Old", a), record("n.New", a, aliases=["Old"]), {"a": 1})
    case("record alias from another namespace", record("m.Old", a),
         record("n.New", a, aliases=["m.Old"]), {"a": 1})
    case("other namespace", record("m.R", a), record("n.R", a), {"a": 1})
    case("other record", record("S", a), record("R", a), {"a": 1}, error=True)
    case("empty record", record("R"), record("R"), {})
    case("empty record gets fields", record("R"), record("R", field("a", "int", default=4)), {})
    inner = record("In", a)
    case("nested", record("R", field("i", inner)), record("R", field("i", inner)), {"i": {"a": 1}})
    case("nested grows", record("R", field("i", inner)),
         record("R", field("i", record("In", a, field("d", "int", default=9)))), {"i": {"a": 1}})
    case("nested dropped", record("R", field("i", inner), b), record("R", b), {"i": {"a": 1}, "b": "x"})
    for kind, dropped in {"array": array("string"), "map": table("int"), "union": ["null", "long"],
                          "fixed": fixed("F", 3), "enum": enum("E", "A", "B"), "double": "double",
                          "boolean": "boolean", "bytes": "bytes"}.items():
        data = {"array": ["p", "q"], "map": {"k": 1}, "union": 5, "fixed": b"abc", "enum": "B",
                "double": 1.0, "boolean": True, "bytes": b"\0"}[kind]
        case(f"{kind} dropped", record("R", field("d", dropped), b), record("R", b), {"d": data, "b": "x"})


DEFAULTS = {
    "null": ("null", None, None),
    "boolean": ("boolean", True, True),
    "int": ("int", -5, -5),
    "long": ("long", 1 << 40, 1 << 40),
    "float": ("float", 0.5, 0.5),
    "double": ("double", 0.1, 0.1),
    "bytes": ("bytes", "\u00ff\u0000a", "\u00ff\u0000a"),
    "string": ("string", "é", "é"),
    "array": (array("int"), [1, 2], [1, 2]),
    "empty array": (array("string"), [], []),
    "map": (table("long"), {"k": 3}, {"k": 3}),
    "empty map": (table("long"), {}, {}),
    "enum": (enum("E", "A", "B"), "B", "B"),
    "fixed": (fixed("F", 2), "\u0001\u00fe", "\u0001\u00fe"),
    "record": (record("In", field("a", "int"), field("s", "string")), {"a": 1, "s": "x"},
               {"a": 1, "s": "x"}),
    "nullable": (["null", "string"], None, None),
    "nullable, value first": (["string", "null"], "x", "x"),
    "union of three": (["int", "string", "null"], 4, 4),
    "array of records": (array(record("In", field("a", "int"))), [{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
    "map of arrays": (table(array("boolean")), {"k": [True, False]}, {"k": [True, False]}),
    "decimal": (logical("bytes", "decimal", precision=4, scale=2), "\u0001\u0018", "\u0001\u0018"),
    "decimal of fixed": (fixed("D", 3, logicalType="decimal", precision=5, scale=2), "\u0000\u0001\u0018",
                         "\u0000\u0001\u0018"),
    "nullable decimal": (["null", logical("bytes", "decimal", precision=4, scale=2)], None, None),
    "nullable decimal, value first": ([logical("bytes", "decimal", precision=4, scale=2), "null"],
                                      "\u00ff", "\u00ff"),
    "date": (logical("int", "date"), 19000, 19000),
    "time-millis": (logical("int", "time-millis"), 3600000, 3600000),
    "time-micros": (logical("long", "time-micros"), 1, 1),
    "timestamp-millis": (logical("long", "timestamp-millis"), 0, 0),
    "timestamp-micros": (logical("long", "timestamp-micros"), 1 << 50, 1 << 50),
    "local-timestamp-millis": (logical("long", "local-timestamp-millis"), 7, 7),
    "local-timestamp-micros": (logical("long", "local-timestamp-micros"), 7, 7),
    "uuid": (logical("string", "uuid"), "9f3f6e2a-5b0c-4f4e-8a5d-0d7ad5a6a0f1",
             "9f3f6e2a-5b0c-4f4e-8a5d-0d7ad5a6a0f1"),
    "duration": (fixed("Du", 12, logicalType="duration"), "\u0001" + "\u0000" * 11, "\u0001" + "\u0000" * 11),
    "nullable date": (["null", logical("int", "date")], None, None),
    "nullable date, value first": ([logical("int", "date"), "null"], 3, 3),
}


def defaults():
    for name, (kind, default, expected) in DEFAULTS.items():
        reader = record("R", field("a", "int"), field("d", kind, default=default))
        case(f"default of {name}", record("R", field("a", "int")), reader, {"a": 1},
             expect={"a": 1, "d": expected})
        # The field is there: the default is not used.
        if name not in ("null",):
            data = {"a": 1, "d": expected}
            raw = write_neutral(reader, data)
            case(f"no default of {name}", reader, reader, data=raw, expect=data)
    inner = record("In", field("a", "int"), field("b", "int", default=7))
    case("default of a record that leaves a field to its own default", record("R"),
         record("R", field("i", inner, default={"a": 1})), {}, expect={"i": {"a": 1, "b": 7}},
         reason="fields that the default lacks have their own (Java; fastavro takes the JSON as it is)")
    case("default of an integer for a double", record("R"), record("R", field("d", "double", default=3)), {},
         expect={"d": 3.0}, reason="it is a double (Java; fastavro takes the JSON as it is)")
    case("default first, then fields", record("R", field("z", "int")),
         record("R", field("a", "int", default=3), field("z", "int")), {"z": 1})


def write_neutral(schema, value):
    """Writes a value whose bytes are latin-1 strings."""
    def raw(kind, value):
        if isinstance(kind, list):
            for branch in kind:
                if branch == "null":
                    if value is None:
                        return None
                elif value is not None:
                    return raw(branch, value)
        if isinstance(kind, dict):
            if kind["type"] in ("fixed",):
                return value.encode("latin-1")
            if kind["type"] == "record":
                return {f["name"]: raw(f["type"], value[f["name"]]) for f in kind["fields"]}
            if kind["type"] in ("array", "map", "enum"):
                return value
            return raw(kind["type"], value)
        return value.encode("latin-1") if kind == "bytes" else value
    return write(schema, raw(schema, value))


def unions():
    for value in (None, "x"):
        case(f"nullable {value}", ["null", "string"], ["null", "string"], value)
        case(f"nullable turned around {value}", ["null", "string"], ["string", "null"], value)
        case(f"nullable to plain {value}", ["null", "string"], "string", value)
    case("plain to nullable", "string", ["null", "string"], "x")
    case("plain to nullable by promotion", "int", ["null", "long"], 3)
    case("plain to union without it", "boolean", ["null", "long"], True, error=True)
    case("null to union", "null", ["int", "null"], None)
    case("int to double in a union", "int", ["null", "double"], 3, expect=3.0)
    case("int to float or int", "int", ["float", "int"], 3, expect=3,
         reason="the same type goes before a promotion (Java; fastavro takes the first that fits)")
    case("string to bytes or string", "string", ["bytes", "string"], "x")
    case("bytes to string in a union", "bytes", ["null", "string"], b"x")
    case("branch gone, not used", ["int", "string"], ["null", "int"], 3)
    case("branch gone, used", ["int", "string"], ["null", "int"], "x", error=True)
    case("branch promoted", ["int", "string"], ["double", "string"], 3, expect=3.0)
    case("union to double", ["int", "float"], "double", 3, expect=3.0)
    case("union grows", ["null", "int"], ["null", "int", "string"], 3)
    case("union of one", ["int"], ["int"], 3)
    case("union of one to plain", ["int"], "int", 3)
    a = record("n.A", field("a", "int"))
    b = record("n.B", field("b", "int"))
    case("union of records, first", [a, b], [a, b], ("n.A", {"a": 1}))
    case("union of records, second", [a, b], [a, b], ("n.B", {"b": 1}))
    case("union of records, turned around", [a, b], [b, a], ("n.B", {"b": 1}))
    case("union of records, one left", [a, b], a, ("n.A", {"a": 1}))
    case("union of records, one gone", [a, b], a, ("n.B", {"b": 1}), error=True)
    case("record to union of records", b, [a, b], {"b": 1})
    grown = record("n.B", field("b", "long"), field("c", "string", default="?"))
    case("union of records, one grows", [a, b], [a, grown], ("n.B", {"b": 1}))
    case("union of a record with an alias", ["null", a],
         ["null", record("n.Z", field("a", "int"), aliases=["n.A"])], {"a": 1})
    case("union of enum and string", [enum("E", "A"), "string"], [enum("E", "A"), "string"], "A")
    case("union of fixed and bytes", [fixed("F", 2), "null"], [fixed("F", 2), "null"], b"ab")
    case("union of fixed of another size", [fixed("F", 2), "null"], [fixed("F", 3), "null"], b"ab",
         error=True)
    case("array in a union", ["null", array("int")], ["null", array("long")], [1, 2])
    case("map in a union", ["null", table("int")], ["null", table("double")], {"k": 1},
         expect={"k": 1.0})
    case("array of unions", array(["null", "int"]), array(["null", "long"]), [1, None, 3])
    case("map of unions", table(["null", "int"]), table(["int", "null"]), {"a": 1, "b": None})
    case("nullable record dropped", record("R", field("x", ["null", a]), field("y", "int")),
         record("R", field("y", "int")), {"x": {"a": 1}, "y": 2})


def names():
    node = record("Node", field("v", "int"), field("next", ["null", "Node"]))
    lists = {"v": 1, "next": {"v": 2, "next": {"v": 3, "next": None}}}
    case("list", node, node, lists)
    longer = record("Node", field("v", "long"), field("next", ["null", "Node"]),
                    field("w", "string", default="-"))
    case("list grows", node, longer, lists)
    case("list shrinks", longer, record("Node", field("next", ["null", "Node"]), field("v", "long")),
         {"v": 1, "next": {"v": 2, "next": None, "w": "b"}, "w": "a"})
    tree = record("t.Tree", field("name", "string"), field("children", array("t.Tree")))
    trees = {"name": "r", "children": [{"name": "a", "children": []}, {"name": "b", "children": []}]}
    case("tree", tree, tree, trees)
    case("tree without names", tree, record("t.Tree", field("children", array("Tree"))), trees)
    case("tree dropped", record("R", field("t", tree), field("z", "int")), record("R", field("z", "int")),
         {"t": trees, "z": 4})
    forest = record("f.Forest", field("byName", table(record("Tree", field("sub", table("Tree"))))))
    case("map of itself", forest, forest, {"byName": {"x": {"sub": {"y": {"sub": {}}}}}})
    gate = enum("Gate", "A", "B")
    twice = record("x.R", field("from", gate), field("to", "Gate"), field("via", ["null", "x.Gate"]))
    case("enum by name", twice, twice, {"from": "A", "to": "B", "via": "A"})
    fixed_twice = record("x.R", field("from", fixed("F", 2)), field("to", "x.F"))
    case("fixed by name", fixed_twice, fixed_twice, {"from": b"ab", "to": b"cd"})
    moved = record("x.R", field("from", {**gate, "namespace": "y"}), field("to", "y.Gate"),
                   field("via", ["null", "y.Gate"]))
    case("enum in another namespace", twice, moved, {"from": "A", "to": "B", "via": None})
    inherit = record("R", field("i", record("In", field("e", gate))), field("j", "x.In"),
                     field("g", "x.Gate"), namespace="x")
    case("namespace inherited", inherit, inherit, {"i": {"e": "A"}, "j": {"e": "B"}, "g": "B"})
    point = record("geo.Point", field("x", "double"), field("y", "double"))
    route = record("geo.Route", field("from", point), field("to", ["null", "Point"], default=None),
                   field("via", array("geo.Point"), default=[]))
    case("defaults with names", record("geo.Route", field("from", point)), route, {"from": {"x": 1.0, "y": 2.0}},
         expect={"from": {"x": 1.0, "y": 2.0}, "to": None, "via": []})
    case("default of a named record", record("geo.Route", field("from", point)),
         record("geo.Route", field("from", point), field("to", "Point", default={"x": 0.5, "y": 1.5})),
         {"from": {"x": 1.0, "y": 2.0}})
    case("default in a union with a name", record("geo.Route", field("from", point)),
         record("geo.Route", field("from", point), field("to", ["Point", "null"], default={"x": 0.5, "y": 1.5})),
         {"from": {"x": 1.0, "y": 2.0}})
    mutual = record("A", field("b", ["null", record("B", field("a", ["null", "A"]), field("n", "int"))]))
    case("two that contain each other", mutual, mutual, {"b": {"a": {"b": None}, "n": 1}})


def enums():
    abc = enum("E", "A", "B", "C")
    for symbol in "ABC":
        case(f"enum {symbol}", abc, abc, symbol)
        case(f"enum reordered {symbol}", abc, enum("E", "C", "A", "B"), symbol)
    case("symbol gone", abc, enum("E", "A", "B"), "C", error=True)
    case("symbol gone, not used", abc, enum("E", "A", "B"), "B")
    case("symbol gone, with a default", abc, enum("E", "A", "B", default="A"), "C", expect="A")
    case("symbol known, with a default", abc, enum("E", "A", "B", default="A"), "B", expect="B")
    case("enum grows", enum("E", "A"), abc, "A")
    case("enum of another name", abc, enum("F", "A", "B", "C"), "A", error=True)
    case("enum with an alias", abc, enum("F", "A", "B", "C", aliases=["E"]), "A")
    case("enum as string", abc, "string", "A", error=True)
    case("string as enum", "string", abc, "A", error=True)
    case("enum in a union, symbol gone", ["null", abc], ["null", enum("E", "A", default="A")], "C",
         expect="A")
    case("enum array", array(abc), array(enum("E", "B", "A", default="A")), ["A", "B", "C"])


def fixeds_and_logical():
    case("fixed", fixed("F", 3), fixed("F", 3), b"\0\xffa")
    case("fixed of nothing", fixed("F", 0), fixed("F", 0), b"")
    case("fixed of another size", fixed("F", 3), fixed("F", 4), b"abc", error=True)
    case("fixed of another name", fixed("F", 3), fixed("G", 3), b"abc", error=True)
    case("fixed with an alias", fixed("F", 3), fixed("G", 3, aliases=["F"]), b"abc")
    case("fixed as bytes", fixed("F", 3), "bytes", b"abc", error=True)
    case("bytes as fixed", "bytes", fixed("F", 3), b"abc", error=True)
    pairs = [("int", "date"), ("int", "time-millis"), ("long", "time-micros"), ("long", "timestamp-millis"),
             ("long", "timestamp-micros"), ("long", "local-timestamp-millis"),
             ("long", "local-timestamp-micros"), ("long", "timestamp-nanos")]
    for kind, name in pairs:
        case(name, logical(kind, name), logical(kind, name), 12345)
        case(f"{name} as {kind}", logical(kind, name), kind, 12345)
        case(f"{kind} as {name}", kind, logical(kind, name), 12345)
    case("int as timestamp-millis", "int", logical("long", "timestamp-millis"), 5)
    case("date as timestamp-millis", logical("int", "date"), logical("long", "timestamp-millis"), 5)
    decimal = logical("bytes", "decimal", precision=6, scale=2)
    case("decimal", decimal, decimal, b"\x01\x18")
    case("decimal as bytes", decimal, "bytes", b"\x01\x18")
    case("bytes as decimal", "bytes", decimal, b"\x01\x18")
    other = logical("bytes", "decimal", precision=6, scale=3)
    case("decimal of another scale", decimal, other, b"\x01\x18", error=True,
         reason="decimals match if precision and scale do (without logical types fastavro sees bytes)")
    wide = fixed("D", 4, logicalType="decimal", precision=6, scale=2)
    case("decimal of fixed", wide, wide, b"\0\0\x01\x18")
    case("decimal of fixed as fixed", wide, fixed("D", 4), b"\0\0\x01\x18")
    case("decimal of fixed as decimal of bytes", wide, decimal, b"\0\0\x01\x18", error=True)
    case("uuid", logical("string", "uuid"), logical("string", "uuid"), "9f3f6e2a-5b0c-4f4e-8a5d-0d7ad5a6a0f1")
    case("uuid as string", logical("string", "uuid"), "string", "9f3f6e2a-5b0c-4f4e-8a5d-0d7ad5a6a0f1")
    case("uuid of fixed", fixed("U", 16, logicalType="uuid"), fixed("U", 16, logicalType="uuid"), bytes(range(16)))
    duration = fixed("Du", 12, logicalType="duration")
    case("duration", duration, duration, bytes(range(12)))
    nullable = ["null", decimal]
    case("nullable decimal", nullable, nullable, b"\x7f")
    case("nullable decimal of nothing", nullable, nullable, None)
    case("decimal to nullable decimal", decimal, nullable, b"\x7f")
    case("unknown logical type", logical("string", "colour"), "string", "red")
    case("date of a string is a string", logical("string", "date"), "string", "x")


def collections():
    case("empty array", array("int"), array("long"), [])
    case("array", array("int"), array("double"), [1, 2, 3], expect=[1.0, 2.0, 3.0])
    case("array of arrays", array(array("int")), array(array("long")), [[1], [], [2, 3]])
    case("array of maps", array(table("string")), array(table("bytes")), [{"a": "b"}])
    case("array of something else", array("int"), array("string"), [1], error=True)
    nothing = "what does not fit is an error of the data that comes to it (Java; fastavro compares the schemas)"
    case("empty array of something else", array("int"), array("string"), [], expect=[], reason=nothing)
    case("map", table("int"), table("long"), {"a": 1, "b": 2})
    case("empty map of something else", table("int"), table("string"), {}, expect={}, reason=nothing)
    case("map of something else", table("int"), table("string"), {"a": 1}, error=True)
    case("array as map", array("int"), table("int"), [1], error=True)
    case("array of nulls", array("null"), array("null"), [None, None])
    case("array of empty records", array(record("R")), array(record("R", field("a", "int", default=1))), [{}, {}])
    case("array of records", array(record("R", field("a", "int"))),
         array(record("R", field("a", "long"), field("b", "string", default="x"))), [{"a": 1}, {"a": 2}])


class Pairs:
    """Random pairs: a schema, a later or earlier version of it, and a value."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.count = 0

    def name(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def schema(self, depth):
        """Returns a writer's schema, a reader's and a function that makes values."""
        rng = self.rng
        kinds = ["prim"] * 5 + ["enum", "fixed"]
        if depth > 0:
            kinds += ["record"] * 4 + ["array", "map", "union", "union"]
        return getattr(self, rng.choice(kinds))(depth)

    def prim(self, _):
        rng = self.rng
        makers = {
            "null": lambda: None,
            "boolean": lambda: rng.random() < 0.5,
            "int": lambda: rng.choice([0, -1, 1, 2**31 - 1, -(2**31), rng.randint(-999, 999)]),
            "long": lambda: rng.choice([0, -1, 2**50, -(2**50), rng.randint(-99999, 99999)]),
            # Of few bits: serde_json does not read every double to its last one.
            "float": lambda: rng.randint(-999, 999) / 64,
            "double": lambda: rng.randint(-99999, 99999) / 1024,
            "bytes": lambda: bytes(rng.randrange(128) for _ in range(rng.randrange(5))),
            "string": lambda: "".join(rng.choice("abcé✈ ") for _ in range(rng.randrange(6))),
        }
        wider = {"int": ["long", "double"], "long": ["double"], "float": ["double"], "bytes": ["string"],
                 "string": ["bytes"]}
        kind = rng.choice(list(makers))
        reader = kind
        if rng.random() < 0.2:
            reader = rng.choice(wider.get(kind, [kind]))
        elif rng.random() < 0.03:
            reader = rng.choice(list(makers))
        return kind, reader, makers[kind]

    def enum(self, _):
        rng, name = self.rng, self.name("E")
        symbols = list("ABCDE")[: rng.randint(1, 5)]
        known = rng.sample(symbols, rng.randint(1, len(symbols))) if rng.random() < 0.4 else list(symbols)
        reader = enum(name, *known, *(["X"] if rng.random() < 0.3 else []))
        if rng.random() < 0.5:
            reader["default"] = known[0]
        return enum(name, *symbols), reader, lambda: rng.choice(symbols)

    def fixed(self, _):
        rng, name, size = self.rng, self.name("F"), self.rng.randrange(4)
        make = lambda: bytes(rng.randrange(256) for _ in range(size))
        return fixed(name, size), fixed(name, size), make

    def array(self, depth):
        writer, reader, make = self.schema(depth - 1)
        return array(writer), array(reader), lambda: [make() for _ in range(self.rng.randrange(4))]

    def map(self, depth):
        writer, reader, make = self.schema(depth - 1)
        rng = self.rng
        return table(writer), table(reader), lambda: {rng.choice("pqrs"): make() for _ in range(rng.randrange(3))}

    def union(self, depth):
        """Of null and one other: fastavro chooses branches of other unions by the look of a value."""
        rng = self.rng
        writer, reader, make = self.schema(depth - 1)
        if writer == "null" or isinstance(writer, list) or isinstance(reader, list) or reader == "null":
            return writer, reader, make
        nullable = lambda branch: ["null", branch] if rng.random() < 0.5 else [branch, "null"]
        made = lambda: None if rng.random() < 0.4 else make()
        if rng.random() < 0.15:
            return nullable(writer), reader, made
        if rng.random() < 0.15:
            return writer, nullable(reader), make
        return nullable(writer), nullable(reader), made

    def record(self, depth):
        rng, name = self.rng, self.name("R")
        writers, readers, makers = [], [], {}
        for _ in range(rng.randrange(5)):
            writer, reader, make = self.schema(depth - 1)
            at = self.name("f")
            writers.append(field(at, writer))
            makers[at] = make
            if rng.random() < 0.2:
                continue
            if rng.random() < 0.15:
                readers.append(field(self.name("g"), reader, aliases=[at]))
            else:
                readers.append(field(at, reader))
        for _ in range(rng.randrange(3)):
            kind, default, _ = DEFAULTS[rng.choice([key for key in DEFAULTS if "record" not in key])]
            kind = json.loads(json.dumps(kind))
            inner = [kind] if isinstance(kind, dict) else kind if isinstance(kind, list) else []
            for part in inner:
                if isinstance(part, dict) and "name" in part:
                    part["name"] = self.name(part["name"])
            added = field(self.name("d"), kind)
            if rng.random() < 0.95:
                added["default"] = default
            readers.append(added)
        if rng.random() < 0.3:
            rng.shuffle(readers)
        make = lambda: {at: maker() for at, maker in makers.items()}
        return record(name, *writers), record(name, *readers), make


def random_pairs():
    pairs = Pairs(SEED)
    number = 0
    while number < RANDOM_PAIRS:
        writer, reader, make = pairs.record(3)
        try:
            data = write(writer, make())
        except Exception:  # a union's branch that fastavro cannot choose
            continue
        number += 1
        case(f"random {number}", writer, reader, data=data)


def main():
    primitives()
    truncated()
    records()
    defaults()
    unions()
    names()
    enums()
    fixeds_and_logical()
    collections()
    chosen = len(cases)
    random_pairs()
    lines = ",\n".join(json.dumps(entry, ensure_ascii=True) for entry in cases)
    Path(__file__).with_name("corpus.json").write_text(f"[\n{lines}\n]\n")
    errors = sum("error" in entry for entry in cases)
    print(f"{len(cases)} cases ({chosen} chosen), {errors} of them errors; fastavro {fastavro.__version__}")


if __name__ == "__main__":
    main()
