"""Confluent's client writes flights that the services read, and reads what they write. flights.py BIN BOOTSTRAP REGISTRY

It writes the first version of `flights.departed-value`, as a producer that knows no other would; the feeder writes the second.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "flights.departed"
FLIGHTS = 500
# 2013-01-01T12:00:00Z, within the day that the feeder writes.
NOON_MS = 1_357_041_600_000
MINUTE_MS = 60_000
SCHEMA = pathlib.Path(__file__).parents[2] / "schemas" / "flights.departed-value" / "1.avsc"


def flight(number):
    scheduled = NOON_MS + number * 1_000
    delay = number % 40 - 10
    return {
        "id": f"2013010112-ZZ{number}-XYZ",
        "carrier": "ZZ",
        "tailnum": None if number % 3 else f"N{number}",
        "origin": "XYZ",
        "dest": "ABC",
        "scheduled_at": scheduled,
        "departed_at": scheduled + delay * MINUTE_MS,
        "dep_delay": delay,
    }


def write(bootstrap, registry):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for created in admin.create_topics([NewTopic(TOPIC, 4, 1, config={"retention.ms": "-1"})]).values():
        created.result(30)
    serializer = AvroSerializer(registry, SCHEMA.read_text())
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    for number in range(FLIGHTS):
        value = flight(number)
        producer.produce(
            TOPIC,
            key=value["id"].encode(),
            value=serializer(value, SerializationContext(TOPIC, MessageField.VALUE)),
            timestamp=value["departed_at"],
        )
    assert producer.flush(30) == 0, "not everything was acknowledged"


def read(bootstrap, registry, topic):
    """Returns the last value of each key."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    partitions = [TopicPartition(topic, number, 0) for number in consumer.list_topics(topic, 30).topics[topic].partitions]
    ends = {at.partition: consumer.get_watermark_offsets(at, 30)[1] for at in partitions}
    consumer.assign(partitions)
    deserializer = AvroDeserializer(registry)
    rows, deadline = {}, time.monotonic() + 60
    while any(at.offset < ends[at.partition] for at in consumer.position(partitions) if ends[at.partition] > 0):
        assert time.monotonic() < deadline, f"{topic} was not read to its end"
        message = consumer.poll(1)
        if message is None:
            continue
        assert message.error() is None, message.error()
        value = deserializer(message.value(), SerializationContext(topic, MessageField.VALUE))
        rows[message.key().decode()] = value
    consumer.close()
    return rows


def main():
    bins, bootstrap, url = sys.argv[1:]
    registry = SchemaRegistryClient({"url": url})
    write(bootstrap, registry)
    environment = {**os.environ, "SCHEMA_REGISTRY_URL": url, "KAPPA_AUTO_REGISTER_SCHEMAS": "true", "RUST_LOG": "warn"}

    def run(program, *arguments):
        command = [f"{bins}/{program}", *arguments, "--bootstrap-servers", bootstrap]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=120)

    run("feeder", "--from", "2013-01-01", "--to", "2013-01-02")
    with tempfile.TemporaryDirectory() as state:
        for service in ("airline-delays", "airport-hours"):
            run(service, "run", "--until-caught-up", "--http", "off", "--state-dir", state)
            run(service, "replay", "--http", "off", "--state-dir", state)
            run(service, "verify", "--state-dir", state)

    delays = [flight(number)["dep_delay"] for number in range(FLIGHTS)]
    airlines = read(bootstrap, registry, "airline-delays")
    assert airlines["ZZ"] == {
        "airline": None,
        "departures": FLIGHTS,
        "delayed": sum(delay >= 15 for delay in delays),
        "total_delay_minutes": sum(delays),
        "max_delay_minutes": max(delays),
    }, airlines["ZZ"]
    assert airlines["UA"]["airline"] == "United Air Lines Inc." and airlines["UA"]["departures"] > 100, airlines["UA"]
    hours = [row for row in read(bootstrap, registry, "airport-hours").values() if row["origin"] == "XYZ"]
    assert sum(hour["departures"] for hour in hours) == FLIGHTS, hours
    print(f"{FLIGHTS} flights written by Confluent's client are counted by both services, and their results are read by it")


main()
