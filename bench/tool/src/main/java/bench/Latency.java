package bench;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * {@code Latency <brokers> <input> <brokers> <output> <records/s> <warm-up s> <measured s>}: sends the logins of the
 * standard input, a line each, over and over at a fixed rate, whatever the system under test does, reads what it
 * makes of them, which may be on another cluster, and prints the time from send to receipt.
 *
 * <p>The time of sending travels in the record as {@code sent_us}, which the job keeps like every field it does
 * not know; both ends read the same clock. The warm-up begins with the first output.
 */
final class Latency {
  private static final byte[] FIELD = ",\"sent_us\":".getBytes(StandardCharsets.US_ASCII);
  private static final long FIRST_OUTPUT_SECONDS = 60;
  private static final long STRAGGLER_SECONDS = 20;

  private final List<Login> logins;
  private final int rate;
  private final long warmUpUs;
  private final long measuredUs;
  private volatile long firstOutputUs = -1;
  private volatile long sentInWindow = -1;
  private volatile Exception failure;

  /** A login without its closing brace, so that a field can be added. */
  private record Login(byte[] key, String start) {
    private static final Pattern USER = Pattern.compile("\"user_id\":\"([^\"]+)\"");

    static Login of(String json) {
      Matcher user = USER.matcher(json);
      if (!user.find()) throw new IllegalArgumentException("no user_id in " + json);
      return new Login(user.group(1).getBytes(StandardCharsets.UTF_8), json.substring(0, json.length() - 1));
    }
  }

  private Latency(List<Login> logins, int rate, long warmUpUs, long measuredUs) {
    this.logins = logins;
    this.rate = rate;
    this.warmUpUs = warmUpUs;
    this.measuredUs = measuredUs;
  }

  public static void main(String[] arguments) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).lines();
    var latency = new Latency(lines.map(Login::of).toList(), Integer.parseInt(arguments[4]),
        Long.parseLong(arguments[5]) * 1_000_000, Long.parseLong(arguments[6]) * 1_000_000);
    Thread producer = new Thread(() -> latency.attempt(() -> latency.produce(arguments[0], arguments[1])), "load");
    try (var consumer = consumer(arguments[2], arguments[3])) {
      producer.start();
      System.out.println(latency.read(consumer));
    }
    producer.join();
  }

  /** Open loop: a late record is sent at once, and its delay is the load's, not the system's. */
  private void produce(String brokers, String topic) {
    Map<String, Object> settings = Map.of(
        "bootstrap.servers", brokers, "linger.ms", 0, "batch.size", 128 << 10);
    try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      long startUs = nowUs();
      long inWindow = 0;
      for (long sent = 0; failure == null; sent++) {
        long dueUs = startUs + sent * 1_000_000 / rate;
        for (long waitUs = dueUs - nowUs(); waitUs > 0; waitUs = dueUs - nowUs()) {
          LockSupport.parkNanos(Math.max(waitUs, 200) * 1000);
        }
        Login login = logins.get((int) (sent % logins.size()));
        long us = nowUs();
        if (isMeasured(us)) inWindow++;
        if (firstOutputUs >= 0 && us >= firstOutputUs + warmUpUs + measuredUs) break;
        byte[] value = (login.start() + ",\"sent_us\":" + us + '}').getBytes(StandardCharsets.UTF_8);
        producer.send(new ProducerRecord<>(topic, login.key(), value), (metadata, error) -> {
          if (error != null) failure = error;
        });
      }
      sentInWindow = inWindow;
    }
  }

  private static KafkaConsumer<byte[], byte[]> consumer(String brokers, String topic) {
    Map<String, Object> settings = Map.of(
        "bootstrap.servers", brokers,
        "isolation.level", "read_committed",
        "fetch.min.bytes", 1,
        "max.poll.records", 10_000,
        "enable.auto.commit", false);
    var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
        .map(info -> new TopicPartition(topic, info.partition()))
        .toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    return consumer;
  }

  private String read(KafkaConsumer<byte[], byte[]> consumer) throws Exception {
    int[] latencies = new int[(int) (rate * (measuredUs / 1_000_000) * 2)];
    int count = 0;
    long beganUs = nowUs();
    for (;;) {
      var records = consumer.poll(Duration.ofMillis(100));
      long us = nowUs();
      if (failure != null) throw failure;
      if (firstOutputUs < 0) {
        if (!records.isEmpty()) firstOutputUs = us;
        else if (us > beganUs + FIRST_OUTPUT_SECONDS * 1_000_000) fail("no output");
        else continue;
      }
      for (var record : records) {
        long sentUs = sentUs(record.value());
        if (isMeasured(sentUs)) latencies[count++] = (int) (us - sentUs);
      }
      boolean isLate = us > firstOutputUs + warmUpUs + measuredUs + STRAGGLER_SECONDS * 1_000_000;
      if (sentInWindow >= 0 && (count >= sentInWindow || isLate)) break;
    }
    int[] sorted = Arrays.copyOf(latencies, count);
    Arrays.sort(sorted);
    return String.format(
        "{\"sent\":%d,\"received\":%d,\"p50Ms\":%.2f,\"p99Ms\":%.2f,\"p999Ms\":%.2f,\"maxMs\":%.2f}",
        sentInWindow, count, quantile(sorted, 0.5), quantile(sorted, 0.99), quantile(sorted, 0.999),
        quantile(sorted, 1));
  }

  private boolean isMeasured(long us) {
    long first = firstOutputUs;
    return first >= 0 && us >= first + warmUpUs && us < first + warmUpUs + measuredUs;
  }

  private static double quantile(int[] sorted, double q) {
    if (sorted.length == 0) return Double.NaN;
    return sorted[Math.min(sorted.length - 1, (int) (q * sorted.length))] / 1000.0;
  }

  private static long sentUs(byte[] json) {
    for (int i = 0; i < json.length - FIELD.length; i++) {
      if (json[i] != FIELD[0] || !Arrays.equals(json, i, i + FIELD.length, FIELD, 0, FIELD.length)) continue;
      long number = 0;
      for (int j = i + FIELD.length; json[j] >= '0' && json[j] <= '9'; j++) number = number * 10 + json[j] - '0';
      return number;
    }
    throw new IllegalStateException("no sent_us in " + new String(json, StandardCharsets.UTF_8));
  }

  private static long nowUs() {
    return System.nanoTime() / 1000;
  }

  private void attempt(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException error) {
      failure = error;
    }
  }

  private void fail(String reason) {
    failure = new IllegalStateException(reason);
    throw (IllegalStateException) failure;
  }
}
