package bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Locale;
import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * The reference job on Kafka Streams. Topics, brokers, group and threads come from the environment that
 * every system of the bench reads; each argument {@code name=value} is a Streams property.
 */
public final class LoginStream {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  /** Always three digits, as JavaScript's toISOString writes them. */
  private static final DateTimeFormatter ISO = new DateTimeFormatterBuilder().appendInstant(3).toFormatter();

  public static void main(String[] arguments) {
    StreamsBuilder builder = new StreamsBuilder();
    var logins = Serdes.serdeFrom(serializer(), deserializer());
    builder
        .stream(env("INPUT_TOPIC"), Consumed.with(Serdes.String(), logins))
        .mapValues(LoginStream::process)
        .selectKey((key, login) -> login.user_id)
        .to(env("OUTPUT_TOPIC"), Produced.with(Serdes.String(), logins));

    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, env("GROUP_ID"));
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, env("PRIMARY_BROKERS"));
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, env("WORKERS"));
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      properties.put(argument.substring(0, equals), argument.substring(equals + 1));
    }
    KafkaStreams streams = new KafkaStreams(builder.build(), properties);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  private static Login process(Login login) {
    login.device_type = login.device_type.trim().toLowerCase(Locale.ROOT);
    login.locale = login.locale.toUpperCase(Locale.ROOT);
    login.login_at = ISO.format(Instant.ofEpochSecond(login.timestamp));
    login.processed_at = ISO.format(Instant.now());
    return login;
  }

  private static Deserializer<Login> deserializer() {
    ObjectReader reader = MAPPER.readerFor(Login.class);
    return (topic, bytes) -> {
      try {
        return reader.readValue(bytes);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    };
  }

  private static Serializer<Login> serializer() {
    ObjectWriter writer = MAPPER.writerFor(Login.class);
    return (topic, login) -> {
      try {
        return writer.writeValueAsBytes(login);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    };
  }

  private static String env(String name) {
    String value = System.getenv(name);
    if (value == null) throw new IllegalArgumentException(name + " is not set");
    return value;
  }
}
