package org.apache.kafka.connect.mirror;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.storage.MemoryOffsetBackingStore;
import org.apache.kafka.connect.storage.OffsetStorageReaderImpl;
import org.apache.kafka.connect.storage.OffsetStorageWriter;

/**
 * Reads an array of questions from its standard input, lets MirrorMaker 2's own
 * classes answer them, and writes the answers, or what each of them threw, in
 * this order. In their package, because most of what decides is hidden in it.
 * mirror_decisions.ts is the other side.
 */
public final class MirrorDecisions {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws IOException {
    List<Object> answers = new ArrayList<>();
    for (JsonNode question : JSON.readTree(System.in)) {
      try {
        answers.add(answer(question));
      } catch (Exception error) {
        answers.add(Map.of("error", error.toString()));
      }
    }
    JSON.writeValue(System.out, answers);
  }

  private static Object answer(JsonNode question) throws Exception {
    String kind = question.get("kind").asText();
    return switch (kind) {
      case "write offset sync" -> {
        var sync = new OffsetSync(tp(question), number(question, "upstream"),
            number(question, "downstream"));
        yield entry(sync.recordKey(), sync.recordValue());
      }
      case "read offset sync" -> {
        var sync = OffsetSync.deserializeRecord(record(question));
        yield fields(sync.topicPartition(), "upstream", sync.upstreamOffset(),
            "downstream", sync.downstreamOffset());
      }
      case "write checkpoint" -> {
        var checkpoint = new Checkpoint(text(question, "group"), tp(question),
            number(question, "upstream"), number(question, "downstream"),
            text(question, "metadata"));
        yield entry(checkpoint.recordKey(), checkpoint.recordValue());
      }
      case "read checkpoint" -> {
        var checkpoint = Checkpoint.deserializeRecord(record(question));
        yield fields(checkpoint.topicPartition(), "group", checkpoint.consumerGroupId(),
            "upstream", checkpoint.upstreamOffset(),
            "downstream", checkpoint.downstreamOffset(), "metadata", checkpoint.metadata());
      }
      case "write heartbeat" -> {
        var heartbeat = new Heartbeat(text(question, "source"), text(question, "target"),
            number(question, "timestampMs"));
        yield entry(heartbeat.recordKey(), heartbeat.recordValue());
      }
      case "read heartbeat" -> {
        var heartbeat = Heartbeat.deserializeRecord(record(question));
        yield Map.of("source", heartbeat.sourceClusterAlias(),
            "target", heartbeat.targetClusterAlias(), "timestampMs", heartbeat.timestamp());
      }
      case "write source position" -> writePosition(question);
      case "read source position" -> readPosition(question);
      case "policy" -> policyDecisions(question);
      case "topics" -> topicDecisions(question);
      case "topic filter" -> {
        var filter = new DefaultTopicFilter();
        filter.configure(settings(question));
        yield forNames(question, filter::shouldReplicateTopic);
      }
      case "group filter" -> {
        var filter = new DefaultGroupFilter();
        filter.configure(settings(question));
        yield forNames(question, filter::shouldReplicateGroup);
      }
      case "pattern" -> {
        Pattern pattern = Pattern.compile(text(question, "pattern"));
        yield forNames(question, name -> pattern.matcher(name).matches());
      }
      case "configs" -> configDecisions(question);
      case "syncs" -> syncDecisions(question);
      case "translations" -> translations(question);
      default -> throw new IllegalArgumentException("unknown question " + kind);
    };
  }

  /** Both ways through what Connect itself uses, but for its topic. */
  private static Object writePosition(JsonNode question) throws Exception {
    try (var store = new Store()) {
      var writer = new OffsetStorageWriter(
          store, text(question, "connector"), converter(true), converter(false));
      writer.offset(MirrorUtils.wrapPartition(tp(question), text(question, "cluster")),
          MirrorUtils.wrapOffset(number(question, "offset")));
      writer.beginFlush(1, TimeUnit.SECONDS);
      writer.doFlush((error, result) -> { }).get();
      var written = store.data().entrySet().iterator().next();
      return entry(written.getKey().array(), written.getValue().array());
    }
  }

  private static Object readPosition(JsonNode question) throws Exception {
    try (var store = new Store()) {
      store.data().put(ByteBuffer.wrap(bytes(question, "key")),
          ByteBuffer.wrap(bytes(question, "value")));
      var reader = new OffsetStorageReaderImpl(
          store, text(question, "connector"), converter(true), converter(false));
      return MirrorUtils.unwrapOffset(reader.offset(
          MirrorUtils.wrapPartition(tp(question), text(question, "cluster"))));
    }
  }

  private static JsonConverter converter(boolean isKey) {
    var converter = new JsonConverter();
    converter.configure(Map.of("schemas.enable", "false"), isKey);
    return converter;
  }

  private static final class Store extends MemoryOffsetBackingStore implements AutoCloseable {
    Store() {
      start();
    }

    Map<ByteBuffer, ByteBuffer> data() {
      return data;
    }

    @Override
    public Set<Map<String, Object>> connectorPartitions(String connectorName) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
      stop();
    }
  }

  private static Object policyDecisions(JsonNode question) throws Exception {
    ReplicationPolicy policy = policy(question);
    String alias = text(question, "alias");
    List<Object> answers = new ArrayList<>();
    for (String name : names(question)) {
      Map<String, Object> answer = new HashMap<>();
      answer.put("targetTopic", policy.formatRemoteTopic(alias, name));
      answer.put("topicSource", policy.topicSource(name));
      answer.put("upstreamTopic", policy.upstreamTopic(name));
      answer.put("originalTopic", policy.originalTopic(name));
      answer.put("offsetSyncsTopic", policy.offsetSyncsTopic(name));
      answer.put("checkpointsTopic", policy.checkpointsTopic(name));
      answer.put("heartbeatsTopic", policy.heartbeatsTopic());
      answer.put("isHeartbeatsTopic", policy.isHeartbeatsTopic(name));
      answer.put("isCheckpointsTopic", policy.isCheckpointsTopic(name));
      answer.put("isInternalTopic", policy.isInternalTopic(name));
      answers.add(answer);
    }
    return answers;
  }

  private static Object topicDecisions(JsonNode question) throws Exception {
    ReplicationPolicy policy = policy(question);
    String source = text(question, "source");
    String target = text(question, "target");
    var filter = new DefaultTopicFilter();
    filter.configure(settings(question));
    var connector = new MirrorSourceConnector(new SourceAndTarget(source, target), policy,
        filter, new DefaultConfigPropertyFilter(),
        question.get("areHeartbeatsMirrored").asBoolean());
    var task = new MirrorCheckpointTask(
        source, target, policy, null, Set.of(), Map.of(), null);
    List<Object> answers = new ArrayList<>();
    for (String name : names(question)) {
      answers.add(Map.of(
          "isMirrored", connector.shouldReplicateTopic(name),
          "isCycle", connector.isCycle(name),
          "checkpointTopic", task.renameTopicPartition(new TopicPartition(name, 0)).topic()));
    }
    return answers;
  }

  private static Object configDecisions(JsonNode question) {
    var filter = new DefaultConfigPropertyFilter();
    filter.configure(settings(question));
    var connector = new MirrorSourceConnector(
        new SourceAndTarget("a", "b"), null, null, filter);
    List<ConfigEntry> entries = new ArrayList<>();
    for (JsonNode entry : question.get("entries")) {
      entries.add(new ConfigEntry(text(entry, "name"), text(entry, "value"),
          ConfigEntry.ConfigSource.valueOf(text(entry, "source")),
          entry.get("isSensitive").asBoolean(), entry.get("isReadOnly").asBoolean(),
          List.of(), ConfigEntry.ConfigType.STRING, null));
    }
    List<Object> changes = new ArrayList<>();
    for (ConfigEntry entry : connector.targetConfig(new Config(entries), true).entries()) {
      boolean isReset =
          entry.isDefault() && !connector.shouldReplicateSourceDefault(entry.name());
      changes.add(List.of(isReset ? "reset" : "set", entry.name()));
    }
    return Map.of("changes", changes, "created",
        MirrorSourceConnector.configToMap(connector.targetConfig(new Config(entries), false)));
  }

  /** For each step, a record or a commit (null), the sync that is written then, or null. */
  private static Object syncDecisions(JsonNode question) {
    var tp = new TopicPartition("t", 0);
    var writer = new OffsetSyncWriter((KafkaProducer<byte[], byte[]>) null, "syncs",
        new Semaphore(10), number(question, "lag"));
    List<Object> answers = new ArrayList<>();
    for (JsonNode step : question.get("steps")) {
      if (step.isNull()) {
        writer.promoteDelayedOffsetSyncs();
      } else {
        writer.maybeQueueOffsetSyncs(tp, step.get(0).asLong(), step.get(1).asLong());
      }
      OffsetSync sync = writer.getPendingOffsetSyncs().remove(tp);
      answers.add(sync == null
          ? null : List.of(sync.upstreamOffset(), sync.downstreamOffset()));
    }
    return answers;
  }

  /** For each step, a sync (two numbers) or a question (one), the answer to the latter. */
  private static Object translations(JsonNode question) {
    var tp = new TopicPartition("t", 0);
    var store = new OffsetSyncStore() {
      @Override
      void backingStoreStart() { }
    };
    int initial = question.get("initial").asInt();
    if (initial == 0) store.start(true);
    List<Object> answers = new ArrayList<>();
    for (JsonNode step : question.get("steps")) {
      if (step.size() == 1) {
        var offset = store.translateDownstream("group", tp, step.get(0).asLong());
        answers.add(offset.isPresent() ? offset.getAsLong() : null);
        continue;
      }
      var sync = new OffsetSync(tp, step.get(0).asLong(), step.get(1).asLong());
      store.handleRecord(
          new ConsumerRecord<>("syncs", 0, 0, sync.recordKey(), sync.recordValue()));
      answers.add(null);
      if (--initial == 0) store.start(true);
    }
    return answers;
  }

  private static ReplicationPolicy policy(JsonNode question) throws Exception {
    var policy = text(question, "policy").equals("identity")
        ? new IdentityReplicationPolicy() : new DefaultReplicationPolicy();
    policy.configure(settings(question));
    return policy;
  }

  private static List<Boolean> forNames(JsonNode question, Predicate<String> decide) {
    return names(question).stream().map(decide::test).toList();
  }

  private static List<String> names(JsonNode question) {
    List<String> names = new ArrayList<>();
    question.get("names").forEach(name -> names.add(name.asText()));
    return names;
  }

  private static Map<String, String> settings(JsonNode question) {
    Map<String, String> settings = new HashMap<>();
    for (var setting : question.get("settings").properties()) {
      settings.put(setting.getKey(), setting.getValue().asText());
    }
    return settings;
  }

  private static Map<String, Object> fields(TopicPartition tp, Object... rest) {
    Map<String, Object> fields = new HashMap<>();
    fields.put("topic", tp.topic());
    fields.put("partition", tp.partition());
    for (int at = 0; at < rest.length; at += 2) fields.put((String) rest[at], rest[at + 1]);
    return fields;
  }

  private static Map<String, byte[]> entry(byte[] key, byte[] value) {
    return Map.of("key", key, "value", value);
  }

  private static ConsumerRecord<byte[], byte[]> record(JsonNode question) throws IOException {
    return new ConsumerRecord<>("topic", 0, 0, bytes(question, "key"), bytes(question, "value"));
  }

  private static TopicPartition tp(JsonNode question) {
    return new TopicPartition(text(question, "topic"), question.get("partition").asInt());
  }

  private static byte[] bytes(JsonNode question, String name) throws IOException {
    return question.get(name).binaryValue();
  }

  private static long number(JsonNode question, String name) {
    return question.get(name).asLong();
  }

  private static String text(JsonNode question, String name) {
    return question.get(name).asText();
  }
}
