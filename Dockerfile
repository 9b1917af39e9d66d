# One image for every command; see docs/container.md. No architecture is named:
# it builds for that of the machine, or for those of `buildx --platform`.

# To pin these to the bit, give them as build arguments with `@sha256:...` added.
ARG DEBIAN=docker.io/library/debian:12.11-slim
ARG DENO=docker.io/denoland/deno:bin-2.9.6

FROM ${DENO} AS deno

# Compiler, headers, Deno, and all packages of the lock file.
FROM ${DEBIAN} AS build
# Security updates bring new versions, and the bases above age more slowly.
# hadolint ignore=DL3008
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates gcc libc6-dev make \
    libcurl4-openssl-dev libssl-dev libzstd-dev zlib1g-dev \
  && rm -rf /var/lib/apt/lists/*
COPY --from=deno /deno /usr/local/bin/deno
# Authorities that were added to the base image are trusted beside Deno's own.
ENV DENO_DIR=/deno-dir \
    DENO_NO_UPDATE_CHECK=1 \
    DENO_TLS_CA_STORE=mozilla,system
WORKDIR /app
COPY deno.json deno.lock ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
  deno install --frozen

# librdkafka, from sources that one of the packages brings. Only what builds it is
# copied, so that a change elsewhere does not build it again.
FROM build AS native
COPY src/main.ts src/
COPY src/commands/help.ts src/commands/native.ts src/commands/output.ts \
  src/commands/words.ts src/commands/
COPY src/config/nearest.ts src/config/
COPY src/kafka/native src/kafka/native
RUN deno task native \
  && cp .native/*/librdkafka.so /usr/local/lib/librdkafka.so

# What runs, with the packages that it imports, translated to JavaScript.
FROM build AS app
COPY src src
COPY workers workers
COPY dr dr
COPY deploy/image deploy/image
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
  deno run -A deploy/image/production.ts

# What it needs of Debian, and the list of all parts.
FROM native AS root
COPY deploy/image deploy/image
COPY --from=app /app/deno.lock /app/production.lock
RUN deploy/image/collect_root.sh /root-files \
    /usr/local/bin/deno /usr/local/lib/librdkafka.so \
  && deno run -A deploy/image/sbom.ts /root-files production.lock

# No shell, no package manager, nothing that is not listed.
FROM scratch
COPY --from=root /root-files/ /
COPY --from=deno /deno /usr/local/bin/deno
COPY --from=native /usr/local/lib/librdkafka.so /usr/local/lib/librdkafka.so
COPY LICENSE /usr/share/doc/switchyard/copyright
COPY --from=app /deno-dir/gen /deno-dir/gen
COPY --from=app /app/deno.json /app/deno.lock /app/
COPY --from=app /app/node_modules /app/node_modules
COPY --from=app /app/src /app/src
COPY --from=app /app/workers /app/workers
COPY --from=app /app/dr /app/dr

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Switchyard" \
      org.opencontainers.image.description="Processes Kafka records on Deno, mirrors clusters and fails over between them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      switchyard.sbom="/usr/share/sbom/switchyard.cdx.json"

ENV DENO_DIR=/deno-dir \
    DENO_NO_UPDATE_CHECK=1 \
    HTTP_HOST=0.0.0.0 \
    HTTP_PORT=8080 \
    LIBRDKAFKA_PATH=/usr/local/lib/librdkafka.so \
    PATH=/usr/local/bin
WORKDIR /app
USER 65532:65532
EXPOSE 8080

# What each permission is for stands in docs/container.md. Unscoped access to
# native code means full trust: the container is the boundary, not these.
ENTRYPOINT ["/usr/local/bin/deno", "run", \
  "--no-prompt", "--cached-only", "--frozen", "--no-code-cache", \
  "--v8-flags=--max-semi-space-size=4", \
  "--allow-env", \
  "--allow-ffi", \
  "--allow-net", \
  "--allow-read", \
  "--allow-run=/usr/local/bin/deno", \
  "--allow-sys=hostname,uid", \
  "--allow-write=/tmp", \
  "/app/src/main.ts"]
CMD ["start"]

HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
  CMD ["/usr/local/bin/deno", "run", \
    "--no-prompt", "--cached-only", "--frozen", "--no-code-cache", \
    "--allow-env", "--allow-net", "--allow-read", "--allow-sys=hostname", \
    "/app/src/main.ts", "health"]
