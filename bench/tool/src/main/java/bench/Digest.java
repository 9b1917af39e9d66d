package bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatterBuilder;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * {@code Digest <brokers> <topic> input|output}: prints the number of records and two digests of what the job
 * should make of the input, or of what it made. Equal {@code content} means the same records, in any order;
 * equal {@code order} means the same order for every key as well. {@code processed_at} is checked, not compared.
 */
final class Digest {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final java.time.format.DateTimeFormatter ISO =
      new DateTimeFormatterBuilder().appendInstant(3).toFormatter();

  public static void main(String[] arguments) throws Exception {
    String topic = arguments[1];
    boolean isInput = arguments[2].equals("input");
    Map<String, Object> settings = Map.of(
        "bootstrap.servers", arguments[0],
        "isolation.level", "read_committed",
        "max.poll.records", 10_000,
        "max.partition.fetch.bytes", 8 << 20,
        "enable.auto.commit", false);
    long count = 0;
    long content = 0;
    Map<String, Long> chains = new HashMap<>();
    try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
          .map(info -> new TopicPartition(topic, info.partition()))
          .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(tp -> consumer.position(tp) < ends.get(tp))) {
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          ObjectNode login = (ObjectNode) MAPPER.readTree(record.value());
          String user = isInput ? process(login) : check(login, record);
          long hash = hash(login);
          count++;
          content += hash;
          chains.merge(user, hash, (chain, next) -> chain * 31 + next);
        }
      }
    }
    long order = chains.values().stream().mapToLong(Digest::mix).sum();
    System.out.printf("{\"records\":%d,\"content\":\"%x\",\"order\":\"%x\"}%n", count, content, order);
  }

  private static String process(ObjectNode login) {
    login.put("device_type", login.get("device_type").textValue().trim().toLowerCase(Locale.ROOT));
    login.put("locale", login.get("locale").textValue().toUpperCase(Locale.ROOT));
    login.put("login_at", ISO.format(Instant.ofEpochSecond(login.get("timestamp").longValue())));
    return login.get("user_id").textValue();
  }

  private static String check(ObjectNode login, ConsumerRecord<byte[], byte[]> record) {
    Instant.parse(login.remove("processed_at").textValue());
    String user = login.get("user_id").textValue();
    String key = new String(record.key(), StandardCharsets.UTF_8);
    if (!key.equals(user)) throw new IllegalStateException("key " + key + " of user " + user);
    return user;
  }

  /** Does not depend on the order of the fields, which JSON leaves open. */
  private static long hash(ObjectNode login) {
    long sum = 0;
    for (Map.Entry<String, JsonNode> field : login.properties()) {
      sum += mix(hash(field.getKey()) * 31 + hash(field.getValue().toString()));
    }
    return mix(sum);
  }

  private static long hash(String text) {
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < text.length(); i++) hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    return hash;
  }

  private static long mix(long value) {
    value = (value ^ (value >>> 33)) * 0xff51afd7ed558ccdL;
    value = (value ^ (value >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return value ^ (value >>> 33);
  }
}
