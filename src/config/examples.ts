/** Settings files of the reference page; a test loads each of them. */

export const wholeFile = `{
  // Comments and trailing commas are fine.
  "primary": {
    "brokers": "kafka-1.example.com:9092,kafka-2.example.com:9092"
  },
  "inputTopic": "user-login",
  "groupId": "logins",
  "processor": "examples/my_processor.ts",
  "workers": 4,
  "rateRecords": 50000
}`;

export const saslPlain = `{
  "primary": {
    "brokers": "pkc-12345.eu-west-1.aws.confluent.cloud:9092",
    "kafka": {
      "security.protocol": "SASL_SSL",
      "sasl.mechanism": "PLAIN",
      "sasl.username": "\${env:KAFKA_API_KEY}",
      "sasl.password": "\${env:KAFKA_API_SECRET}"
    }
  }
}`;

export const saslScram = `{
  "primary": {
    "brokers": "b-1.example.kafka.eu-west-1.amazonaws.com:9096",
    "kafka": {
      "security.protocol": "SASL_SSL",
      "sasl.mechanism": "SCRAM-SHA-512",
      "sasl.username": "switchyard",
      "sasl.password": "\${file:/run/secrets/kafka-password}"
    }
  }
}`;

export const clientCertificate = `{
  "primary": {
    "brokers": "my-cluster-kafka-bootstrap.kafka.svc:9093",
    "kafka": {
      "security.protocol": "SSL",
      "ssl.ca.location": "/etc/kafka/ca.crt",
      "ssl.certificate.location": "/etc/kafka/user.crt",
      "ssl.key.location": "/etc/kafka/user.key",
      "ssl.key.password": "\${file:/run/secrets/key-password}"
    }
  }
}`;

export const oidc = `{
  "primary": {
    "brokers": "kafka.example.com:9093",
    "kafka": {
      "security.protocol": "SASL_SSL",
      "sasl.mechanism": "OAUTHBEARER",
      "sasl.oauthbearer.method": "oidc",
      "sasl.oauthbearer.client.id": "switchyard",
      "sasl.oauthbearer.client.secret": "\${file:/run/secrets/oidc}",
      "sasl.oauthbearer.token.endpoint.url": "https://login.example.com/token"
    }
  }
}`;

export const tuning = `{
  "primary": {
    "brokers": "kafka.example.com:9092",
    "kafka": { "client.id": "logins" },
    "consumer": { "group.protocol": "consumer", "client.rack": "eu-west-1a" },
    "producer": { "compression.type": "zstd", "linger.ms": 5 }
  }
}`;

export const topicRules = `{
  "mirror": {
    "topicConfigs": [
      {
        "topics": "user-login.*",
        "configs": { "retention.ms": 86400000, "compression.type": "zstd" }
      },
      { "topics": "audit", "configs": { "cleanup.policy": "compact,delete" } }
    ],
    "onDamage": [
      { "topics": "orders", "policy": "stop" },
      { "topics": ".*", "policy": "restart" }
    ]
  }
}`;

/** The same in the environment, as a shell has it. */
export const topicRulesInEnvironment = [
  "MIRROR_TOPIC_CONFIGS='user-login.*:retention.ms=86400000," +
  "compression.type=zstd;audit:cleanup.policy=[compact,delete]'",
  "MIRROR_ON_DAMAGE='orders:stop;.*:restart'",
].join("\n");

/** A file with mistakes, to show what is said of them. */
export const mistaken = `{
  "worker": 4,
  "logLevel": "warning",
  "batchRecords": 0,
  "primary": { "kafka": { "group.id": "logins" } }
}`;
