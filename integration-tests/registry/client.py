"""Uses a registry with Confluent's client for Python: registers, evolves, looks up, serializes, is refused. client.py URL"""

import sys
import uuid

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

# Names of this run's own: the registry may have others.
RUN = uuid.uuid4().hex[:8]
FIRST = """{"type": "record", "name": "Order", "namespace": "shop%s", "fields": [
  {"name": "id", "type": "long"},
  {"name": "item", "type": "string"}]}""" % RUN
SECOND = FIRST.replace("]}", """, {"name": "amount", "type": "int", "default": 1}]}""")
REFUSED = FIRST.replace("]}", """, {"name": "owner", "type": "string"}]}""")


def avro(text, references=()):
    return Schema(text, "AVRO", list(references))


def expect_refused(status, what, *arguments, **named):
    try:
        answer = what(*arguments, **named)
    except SchemaRegistryError as e:
        assert e.http_status_code == status, f"{status} expected: {e}"
        return e
    raise AssertionError(f"{what.__name__} was not refused: {answer}")


def evolve(client):
    subject = f"orders-{RUN}-value"
    first = client.register_schema(subject, avro(FIRST))
    assert client.register_schema(subject, avro(FIRST)) == first
    # Confluent's default, which other registries do not have.
    client.set_compatibility(subject, "BACKWARD")
    assert client.test_compatibility(subject, avro(SECOND))
    assert not client.test_compatibility(subject, avro(REFUSED))
    second = client.register_schema(subject, avro(SECOND))
    assert second != first
    error = expect_refused(409, client.register_schema, subject, avro(REFUSED))
    print(f"refused with {error.error_code}: {error.error_message[:120]}")
    assert client.get_versions(subject) == [1, 2]
    assert client.get_latest_version(subject).schema_id == second
    assert client.get_version(subject, 1).schema_id == first
    found = client.lookup_schema(subject, avro(FIRST))
    assert (found.schema_id, found.version, found.subject) == (first, 1, subject)
    assert client.get_schema(first).schema_type == "AVRO"
    assert subject in client.get_subjects()
    expect_refused(404, client.lookup_schema, subject, avro(REFUSED))
    client.set_compatibility(subject, "NONE")
    assert client.get_compatibility(subject) == "NONE"
    assert client.register_schema(subject, avro(REFUSED)) not in (first, second)


def refer(client):
    subject = f"address-{RUN}"
    address = '{"type": "record", "name": "Address", "namespace": "n", "fields": [{"name": "street", "type": "string"}]}'
    client.register_schema(subject, avro(address))
    person = '{"type": "record", "name": "Person", "namespace": "n", "fields": [{"name": "home", "type": "n.Address"}]}'
    reference = SchemaReference("n.Address", subject, 1)
    schema = avro(person, [reference])
    id = client.register_schema(f"person-{RUN}-value", schema)
    assert [r.subject for r in client.get_schema(id).references] == [subject]
    context = SerializationContext(f"person-{RUN}", MessageField.VALUE)
    value = {"home": {"street": "Here 1"}}
    data = AvroSerializer(client, schema)(value, context)
    assert AvroDeserializer(client)(data, context) == value


def serialize(client):
    topic = f"events-{RUN}"
    context = SerializationContext(topic, MessageField.VALUE)
    old = AvroSerializer(client, FIRST)({"id": 1, "item": "tea"}, context)
    assert old[0] == 0 and int.from_bytes(old[1:5], "big") == client.get_latest_version(f"{topic}-value").schema_id
    AvroSerializer(client, SECOND)({"id": 2, "item": "tea", "amount": 3}, context)
    read = AvroDeserializer(client, SECOND)(old, context)
    assert read == {"id": 1, "item": "tea", "amount": 1}, read
    # By the name of the record, and with what is registered already.
    settings = {"subject.name.strategy": record_subject_name_strategy}
    AvroSerializer(client, FIRST, conf=settings)({"id": 1, "item": "tea"}, context)
    assert client.get_versions(f"shop{RUN}.Order") == [1]
    settings = {"auto.register.schemas": False, "use.latest.version": True}
    # What this client takes for the latest version, it has asked for before the second was there.
    client = SchemaRegistryClient({"url": sys.argv[1]})
    data = AvroSerializer(client, conf=settings)({"id": 3, "item": "tea", "amount": 4}, context)
    assert AvroDeserializer(client)(data, context)["amount"] == 4
    # JSON, which the client checks values with.
    schema = '{"title": "Point", "type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}'
    context = SerializationContext(f"points-{RUN}", MessageField.VALUE)
    data = JSONSerializer(schema, client)({"x": 1}, context)
    assert JSONDeserializer(schema, schema_registry_client=client)(data, context) == {"x": 1}


def delete(client):
    subject = f"deleted-{RUN}"
    id = client.register_schema(subject, avro('"string"'))
    assert client.delete_subject(subject) == [1]
    assert subject not in client.get_subjects()
    assert client.get_schema(id) is not None
    assert client.delete_subject(subject, permanent=True) == [1]
    expect_refused(404, client.get_versions, subject)


def main():
    # A client of each part's own: what one has cached is not asked again.
    for part in (evolve, refer, serialize, delete):
        part(SchemaRegistryClient({"url": sys.argv[1]}))
        print(f"{part.__name__}: ok")


main()
