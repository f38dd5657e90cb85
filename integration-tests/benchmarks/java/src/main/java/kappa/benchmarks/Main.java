package kappa.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * Does a case's work with Kafka Streams, as `engine.rs` does it with ours.
 *
 * <p>Settings come as arguments NAME=VALUE: work, bootstrap, application, input, output, records, cached.
 */
public final class Main {
    /** How often progress is looked at. */
    private static final long LOOK_MS = 20;

    public static void main(String[] arguments) throws Exception {
        var given = new Properties();
        for (var argument : arguments) {
            var parts = argument.split("=", 2);
            given.setProperty(parts[0], parts[1]);
        }
        var work = given.getProperty("work");
        var records = Long.parseLong(given.getProperty("records"));
        var state = Files.createTempDirectory("kafka-streams");
        var topology = work.equals("copy") ? copy(given) : count(given);
        var streams = new KafkaStreams(topology, settings(given, state));
        var restored = new AtomicLong();
        streams.setGlobalStateRestoreListener(new Restored(restored));
        streams.start();
        switch (work) {
            case "restore" -> await(streams, () -> restored.get() >= records
                    && streams.state() == KafkaStreams.State.RUNNING);
            // Until the other side has seen enough.
            case "start" -> System.in.read();
            default -> process(streams, records);
        }
        streams.close(Duration.ofMinutes(1));
        delete(state);
    }

    private static Topology copy(Properties given) {
        var builder = new StreamsBuilder();
        builder.stream(given.getProperty("input"), Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .filter((key, value) -> !key.isEmpty())
                .mapValues(value -> value)
                .to(given.getProperty("output"), Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder.build();
    }

    private static Topology count(Properties given) {
        var builder = new StreamsBuilder();
        builder.stream(given.getProperty("input"), Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
                .count(Materialized.as("counts"))
                .toStream()
                .to(given.getProperty("output"), Produced.with(Serdes.String(), Serdes.Long()));
        return builder.build();
    }

    private static Properties settings(Properties given, Path state) {
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given.getProperty("application"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.getProperty("bootstrap"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, given.getProperty("commit"));
        if (!Boolean.parseBoolean(given.getProperty("cached"))) {
            settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        }
        return settings;
    }

    private static void process(KafkaStreams streams, long records) throws Exception {
        var half = new boolean[1];
        await(streams, () -> {
            var processed = processed(streams);
            if (!half[0] && processed >= records / 2) {
                half[0] = true;
                System.out.println("half " + processed);
            }
            return processed >= records;
        });
    }

    private static long processed(KafkaStreams streams) {
        for (var metric : streams.metrics().entrySet()) {
            var name = metric.getKey();
            if (name.name().equals("process-total") && name.group().equals("stream-thread-metrics")) {
                return ((Number) metric.getValue().metricValue()).longValue();
            }
        }
        return 0;
    }

    private static void await(KafkaStreams streams, BooleanSupplier isDone) throws Exception {
        while (!isDone.getAsBoolean()) {
            if (streams.state().hasCompletedShutdown()) {
                throw new IllegalStateException("Kafka Streams ended early");
            }
            Thread.sleep(LOOK_MS);
        }
    }

    private static void delete(Path root) throws Exception {
        try (var paths = Files.walk(root)) {
            paths.sorted(java.util.Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        }
    }

    /** Counts restored records. */
    private record Restored(AtomicLong total) implements StateRestoreListener {
        @Override
        public void onRestoreStart(TopicPartition partition, String store, long from, long to) {}

        @Override
        public void onBatchRestored(TopicPartition partition, String store, long end, long count) {
            total.addAndGet(count);
        }

        @Override
        public void onRestoreEnd(TopicPartition partition, String store, long count) {}
    }
}
