import java.time.Duration;
import java.util.Map;
import org.apache.kafka.connect.mirror.RemoteClusterUtils;

/**
 * Prints where groups of a source cluster would go on, as MirrorMaker 2's own
 * client reads it from the checkpoints of the target: a line for each group and
 * partition, its parts apart by tabs. translate_offsets.ts is the other side.
 */
public final class TranslateOffsets {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  /** Arguments: bootstrap servers of the target, alias of the source, groups. */
  public static void main(String[] arguments) throws Exception {
    Map<String, Object> target = Map.of("bootstrap.servers", arguments[0]);
    for (int at = 2; at < arguments.length; at++) {
      String group = arguments[at];
      RemoteClusterUtils.translateOffsets(target, arguments[1], group, TIMEOUT)
          .forEach((partition, offset) -> System.out.println(String.join(
              "\t",
              group,
              partition.topic(),
              String.valueOf(partition.partition()),
              String.valueOf(offset.offset()),
              offset.metadata())));
    }
  }
}
