"""Writes and reads records with Confluent's serializers. peer.py URL <input >answer, both JSON."""

import json
import sys

from confluent_kafka.schema_registry import (
    SchemaRegistryClient,
    dual_schema_id_deserializer,
    header_schema_id_serializer,
    prefix_schema_id_serializer,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

VALUE = {"flight": "UA 12", "delay": 5}
PLACES = {"prefix": prefix_schema_id_serializer, "header": header_schema_id_serializer}


def message_class():
    """The class of flights.Departed, the second message of its file."""
    file = descriptor_pb2.FileDescriptorProto(name="flights.proto", package="flights", syntax="proto3")
    file.message_type.add(name="Other")
    departed = file.message_type.add(name="Departed")
    field = descriptor_pb2.FieldDescriptorProto
    departed.field.add(name="flight", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    departed.field.add(name="delay", number=2, type=field.TYPE_INT32, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("flights.Departed"))


def write(client, schemas, topics, places):
    departed = message_class()
    records = {"avro": {}, "json": {}, "protobuf": {}}
    for place in places:
        conf = {"schema.id.serializer": PLACES[place]}
        writers = {
            "avro": (AvroSerializer(client, schemas["avro"], conf=conf), VALUE),
            "json": (JSONSerializer(schemas["json"], client, conf=conf), VALUE),
            "protobuf": (ProtobufSerializer(departed, client, conf=conf), departed(**VALUE)),
        }
        for name, (writer, value) in writers.items():
            context = SerializationContext(topics[name], MessageField.VALUE, {})
            payload = writer(value, context)
            headers = {key: header.hex() for key, header in context.headers.items()}
            records[name][place] = {"value": payload.hex(), "headers": headers}
    file = client.get_latest_version(f"{topics['protobuf']}-value").schema.schema_str
    return {"records": records, "schemas": {"protobuf": file}}


def read(client, schemas, records):
    departed = message_class()
    conf = {"schema.id.deserializer": dual_schema_id_deserializer}
    readers = {
        "avro": AvroDeserializer(client, conf=conf),
        "json": JSONDeserializer(schemas["json"], schema_registry_client=client, conf=conf),
        "protobuf": ProtobufDeserializer(departed, {"use.deprecated.format": False, **conf}, client),
    }
    for place, formats in records.items():
        for name, record in formats.items():
            headers = {key: bytes.fromhex(header) for key, header in record["headers"].items()}
            context = SerializationContext(name, MessageField.VALUE, headers)
            value = readers[name](bytes.fromhex(record["value"]), context)
            if name == "protobuf":
                value = {"flight": value.flight, "delay": value.delay}
            assert value == VALUE, f"{name} by {place}: {value}"
    return "read"


def main():
    task = json.load(sys.stdin)
    client = SchemaRegistryClient({"url": sys.argv[1]})
    if task["do"] == "write":
        answer = write(client, task["schemas"], task["topics"], task["places"])
    else:
        answer = read(client, task["schemas"], task["records"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
