import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Serves one test process over its standard streams, one request after the
 * other, with Kafka's own clients; ends when its input ends. record_pipe.ts is
 * the other side and describes the format.
 */
public final class RecordPipe {
  private static final int NONE = -1;
  private static final long STALLED_AFTER_NANOS = 60_000_000_000L;

  private static final long FLUSH_NANOS = 100_000_000L;

  private long lastFlush;
  private final DataInputStream in =
      new DataInputStream(new BufferedInputStream(System.in, 1 << 18));
  private final DataOutputStream out = new DataOutputStream(
      new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16));

  public static void main(String[] arguments) throws IOException {
    new RecordPipe().serve();
  }

  private void serve() throws IOException {
    for (int request = in.read(); request != NONE; request = in.read()) {
      String topic = readText();
      Map<String, Object> config = readConfig();
      switch (request) {
        case 'p' -> produce(topic, config);
        case 'r' -> read(topic, config);
        case 'l' -> load(topic, config);
        case 'w' -> write();
        default -> throw new IOException("unknown request " + request);
      }
      out.flush();
    }
  }

  private void produce(String topic, Map<String, Object> config) throws IOException {
    AtomicReference<Exception> failure = new AtomicReference<>();
    boolean commits = !"abort".equals(config.remove("switchyard.transaction"));
    boolean transactional = config.containsKey("transactional.id");
    long count = 0;
    try (var producer = new KafkaProducer<>(
        config, new ByteArraySerializer(), new ByteArraySerializer())) {
      try {
        if (transactional) {
          producer.initTransactions();
          producer.beginTransaction();
        }
      } catch (RuntimeException error) {
        failure.set(error);
      }
      // After a failure the rest is read all the same, to stay in step.
      for (var record = readMarkedRecord(topic); record != null;
          record = readMarkedRecord(topic)) {
        if (failure.get() != null) continue;
        try {
          producer.send(record, (metadata, error) -> {
            if (error != null) failure.compareAndSet(null, error);
          });
          count++;
        } catch (RuntimeException error) {
          failure.compareAndSet(null, error);
        }
      }
      try {
        producer.flush();
        if (transactional && commits && failure.get() == null) {
          producer.commitTransaction();
        } else if (transactional) {
          producer.abortTransaction();
        }
      } catch (RuntimeException error) {
        failure.compareAndSet(null, error);
      }
    }
    finish(failure.get(), count);
  }

  /** Like produce, but says of each record what became of it, as soon as it is known. */
  private void load(String topic, Map<String, Object> config) throws IOException {
    long count = 0;
    try (var producer = new KafkaProducer<>(
        config, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (var record = readMarkedRecord(topic); record != null;
          record = readMarkedRecord(topic)) {
        long index = count++;
        try {
          producer.send(record, (metadata, error) -> writeOutcome(index, metadata, error));
        } catch (RuntimeException error) {
          writeOutcome(index, null, error);
        }
      }
    }
    finish(null, count);
  }

  /** Several producers side by side, transaction after transaction. */
  private void write() throws IOException {
    List<Writer> writers = new ArrayList<>();
    for (int left = in.readInt(); left > 0; left--) writers.add(new Writer(readConfig()));
    long records = 0;
    long steps = 0;
    for (int step = in.read(); step != 'e'; step = in.read()) {
      if (step == NONE) throw new EOFException();
      Writer writer = writers.get(in.readInt());
      if (step == 'r') {
        writer.send(readRecord(readText()), records++);
        continue;
      }
      Exception failure = writer.step(step);
      synchronized (out) {
        out.writeByte('d');
        out.writeLong(steps++);
        writeBytes(failure == null ? null : failure.toString().getBytes(StandardCharsets.UTF_8));
        out.flush();
      }
    }
    for (Writer writer : writers) writer.close();
    finish(null, records);
  }

  /** A producer that is made when it is needed, and anew after a failed transaction. */
  private final class Writer {
    private final Map<String, Object> config;
    private KafkaProducer<byte[], byte[]> producer;

    Writer(Map<String, Object> config) {
      this.config = config;
    }

    /** What went wrong, or null. */
    Exception step(int step) {
      try {
        switch (step) {
          case 'b' -> {
            boolean isNew = producer == null;
            if (isNew) open();
            if (isNew) producer.initTransactions();
            producer.beginTransaction();
          }
          case 'c' -> opened().commitTransaction();
          case 'x' -> opened().abortTransaction();
          case 'f' -> opened().flush();
          default -> throw new IllegalStateException("unknown step " + step);
        }
        return null;
      } catch (RuntimeException error) {
        if (producer != null && step != 'f') {
          producer.close(Duration.ZERO);
          producer = null;
        }
        return error;
      }
    }

    void send(ProducerRecord<byte[], byte[]> record, long index) {
      try {
        boolean isPlain = !config.containsKey("transactional.id");
        if (producer == null && isPlain) open();
        opened().send(record, (metadata, error) -> writeOutcome(index, metadata, error));
      } catch (RuntimeException error) {
        writeOutcome(index, null, error);
      }
    }

    void close() {
      if (producer != null) producer.close();
    }

    private void open() {
      producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private KafkaProducer<byte[], byte[]> opened() {
      if (producer == null) throw new IllegalStateException("there is no transaction");
      return producer;
    }
  }

  /** Called by the producer's thread and, for what it refuses, by ours. */
  private void writeOutcome(long index, RecordMetadata metadata, Exception error) {
    try {
      synchronized (out) {
        out.writeByte(error == null ? 'a' : 'u');
        out.writeLong(index);
        if (error == null) {
          out.writeInt(metadata.partition());
          out.writeLong(metadata.offset());
        } else {
          writeBytes(error.toString().getBytes(StandardCharsets.UTF_8));
        }
        if (System.nanoTime() - lastFlush < FLUSH_NANOS) return;
        lastFlush = System.nanoTime();
        out.flush();
      }
    } catch (IOException closed) {
      throw new UncheckedIOException(closed);
    }
  }

  private void read(String topic, Map<String, Object> config) throws IOException {
    boolean awaitsTransactions = "high".equals(config.remove("switchyard.end"));
    Object from = config.remove("switchyard.from");
    Exception failure = null;
    long count = 0;
    try (var consumer = new KafkaConsumer<>(
        config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
          .map(info -> new TopicPartition(topic, info.partition()))
          .toList();
      consumer.assign(partitions);
      Map<TopicPartition, Long> ends = new HashMap<>(awaitsTransactions
          ? highWatermarks(partitions, config)
          : consumer.endOffsets(partitions));
      consumer.seekToBeginning(partitions);
      if (from != null) seek(consumer, topic, from.toString());
      long lastProgress = System.nanoTime();
      while (true) {
        // Positions, not records, tell the end: markers and aborted records count.
        ends.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue());
        if (ends.isEmpty()) break;
        consumer.pause(partitions.stream().filter(tp -> !ends.containsKey(tp)).toList());
        var records = consumer.poll(Duration.ofMillis(200));
        if (!records.isEmpty()) lastProgress = System.nanoTime();
        if (System.nanoTime() - lastProgress > STALLED_AFTER_NANOS) {
          throw new IllegalStateException("nothing read for 60 s before " + ends);
        }
        for (var record : records) {
          Long end = ends.get(new TopicPartition(topic, record.partition()));
          if (end == null || record.offset() >= end) continue;
          writeRecord(record);
          count++;
        }
        out.flush();
      }
    } catch (RuntimeException error) {
      failure = error;
    }
    finish(failure, count);
  }

  /** To "partition:offset,partition:offset"; offsets that are gone, to the first left. */
  private static void seek(
      KafkaConsumer<byte[], byte[]> consumer, String topic, String from) {
    var lows = consumer.beginningOffsets(consumer.assignment());
    for (String each : from.split(",")) {
      String[] parts = each.split(":");
      TopicPartition tp = new TopicPartition(topic, Integer.parseInt(parts[0]));
      Long low = lows.get(tp);
      if (low != null) consumer.seek(tp, Math.max(low, Long.parseLong(parts[1])));
    }
  }

  /** A read_committed consumer tells the end before the first open transaction. */
  private static Map<TopicPartition, Long> highWatermarks(
      List<TopicPartition> partitions, Map<String, Object> config) {
    Map<String, Object> uncommitted = new HashMap<>(config);
    uncommitted.put("isolation.level", "read_uncommitted");
    try (var consumer = new KafkaConsumer<>(
        uncommitted, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      return consumer.endOffsets(partitions);
    }
  }

  /** Null at the end mark. */
  private ProducerRecord<byte[], byte[]> readMarkedRecord(String topic) throws IOException {
    return in.readByte() == 'e' ? null : readRecord(topic);
  }

  private ProducerRecord<byte[], byte[]> readRecord(String topic) throws IOException {
    int partition = in.readInt();
    in.readLong(); // the offset, which only the broker gives
    long timestamp = in.readLong();
    byte[] key = readBytes();
    byte[] value = readBytes();
    var record = new ProducerRecord<>(
        topic,
        partition == NONE ? null : partition,
        timestamp == NONE ? null : timestamp,
        key,
        value);
    for (int headers = in.readInt(); headers > 0; headers--) {
      record.headers().add(new RecordHeader(readText(), readBytes()));
    }
    return record;
  }

  private void writeRecord(ConsumerRecord<byte[], byte[]> record) throws IOException {
    out.writeByte('r');
    out.writeInt(record.partition());
    out.writeLong(record.offset());
    out.writeLong(record.timestamp());
    writeBytes(record.key());
    writeBytes(record.value());
    Header[] headers = record.headers().toArray();
    out.writeInt(headers.length);
    for (Header header : headers) {
      writeBytes(header.key().getBytes(StandardCharsets.UTF_8));
      writeBytes(header.value());
    }
  }

  private void finish(Exception failure, long count) throws IOException {
    if (failure == null) {
      out.writeByte('e');
      out.writeLong(count);
    } else {
      out.writeByte('x');
      writeBytes(failure.toString().getBytes(StandardCharsets.UTF_8));
    }
  }

  private Map<String, Object> readConfig() throws IOException {
    Map<String, Object> config = new HashMap<>();
    for (int entries = in.readInt(); entries > 0; entries--) {
      config.put(readText(), readText());
    }
    return config;
  }

  private String readText() throws IOException {
    return new String(readBytes(), StandardCharsets.UTF_8);
  }

  private byte[] readBytes() throws IOException {
    int length = in.readInt();
    if (length == NONE) return null;
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) throw new EOFException();
    return bytes;
  }

  private void writeBytes(byte[] bytes) throws IOException {
    out.writeInt(bytes == null ? NONE : bytes.length);
    if (bytes != null) out.write(bytes);
  }
}
