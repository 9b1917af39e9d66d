/*
 * librdkafka's own client with its defaults: it sends a small record every ten
 * milliseconds, or reads as a member of a group, and prints a line for each
 * record:
 *
 *     ack|record <partition> <offset> <ms since the epoch> <value>
 *     error <what could not be done, for good>
 *
 * usage: produce|consume topic property=value...
 */
#include "rdkafka.h"
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

static void complain(const char *what) {
  printf("error %s\n", what);
}

static void tell(const char *what, const rd_kafka_message_t *message) {
  struct timeval now;
  gettimeofday(&now, NULL);
  printf("%s %d %lld %lld %.*s\n", what, message->partition,
         (long long)message->offset,
         now.tv_sec * 1000LL + now.tv_usec / 1000, (int)message->len,
         (const char *)message->payload);
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message,
                      void *opaque) {
  (void)client;
  (void)opaque;
  if (message->err)
    complain(rd_kafka_err2str(message->err));
  else
    tell("ack", message);
}

/* Without it librdkafka writes errors that it recovers from to its log. */
static void failed(rd_kafka_t *client, int code, const char *reason, void *opaque) {
  (void)opaque;
  char text[512];
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    rd_kafka_fatal_error(client, text, sizeof text);
    complain(text);
  } else {
    fprintf(stderr, "%s\n", reason);
  }
}

static void produce(rd_kafka_t *client, const char *topic) {
  for (long long number = 0;; number++) {
    char value[32];
    int length = snprintf(value, sizeof value, "rdkafka %lld", number);
    rd_kafka_resp_err_t error;
    do {
      error = rd_kafka_producev(
          client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE(value, length),
          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
      rd_kafka_poll(client, 10);
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (error) complain(rd_kafka_err2str(error));
  }
}

static void consume(rd_kafka_t *client, const char *topic) {
  rd_kafka_topic_partition_list_t *topics =
      rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_poll_set_consumer(client);
  rd_kafka_resp_err_t error = rd_kafka_subscribe(client, topics);
  if (error) complain(rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(topics);
  for (;;) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
    if (message == NULL) continue;
    if (message->err)
      fprintf(stderr, "%s\n", rd_kafka_message_errstr(message));
    else
      tell("record", message);
    rd_kafka_message_destroy(message);
  }
}

int main(int count, char **arguments) {
  char reason[512];
  setvbuf(stdout, NULL, _IOLBF, 0);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (int at = 3; at < count; at++) {
    char *value = strchr(arguments[at], '=');
    *value++ = '\0';
    if (rd_kafka_conf_set(conf, arguments[at], value, reason, sizeof reason) !=
        RD_KAFKA_CONF_OK) {
      complain(reason);
      return 2;
    }
  }
  rd_kafka_conf_set_error_cb(conf, failed);
  int produces = strcmp(arguments[1], "produce") == 0;
  if (produces) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t *client =
      rd_kafka_new(produces ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf,
                   reason, sizeof reason);
  if (client == NULL) {
    complain(reason);
    return 1;
  }
  if (produces)
    produce(client, arguments[2]);
  else
    consume(client, arguments[2]);
}
