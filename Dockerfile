# docker build --build-arg ORDERS_COMMIT="$(git rev-parse --short=12 HEAD)" --tag orders .
# RUN uses relative paths only, so that scripts/check-deploy --build can run the same steps without a container engine.

# Not the slim image: jemalloc needs make, and Kafka a C++ compiler and the headers of OpenSSL.
FROM rust:1.95-trixie AS build
WORKDIR /build
# .sqlx replaces the database during the build.
ENV SQLX_OFFLINE=true

# The dependencies without our own sources: Docker reuses this layer until one of these files changes.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock build.rs ./
# The result of the stubs is newer than the real sources, and cargo would reuse it. So cargo clean removes it.
RUN mkdir src \
    && touch src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --profile dist --features jemalloc,kafka --locked \
    && cargo clean --profile dist --locked --package orders

COPY .sqlx .sqlx
COPY migrations migrations
COPY src src
# Declared late, because it changes with each commit. The build context has no .git to read the commit from.
ARG ORDERS_COMMIT=unknown
RUN cargo build --profile dist --features jemalloc,kafka --locked --bin orders

# The Debian release of the build stage, for the same C library.
FROM debian:trixie-slim
# To verify the certificates of a database or a pricing service.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# For TLS to Kafka.
COPY --from=build /usr/lib/*-linux-gnu/libssl.so.3 /usr/lib/*-linux-gnu/libcrypto.so.3 /usr/lib/
COPY static /usr/share/orders/static
COPY --from=build /build/target/dist/orders /usr/local/bin/

# Set ORDERS_AUTH, or ORDERS_ALLOW_ANONYMOUS where something else admits the right clients: without either, the service refuses
# to start on this address.
ENV ORDERS_BIND=0.0.0.0:8000 \
    ORDERS_LOG_FORMAT=json \
    ORDERS_STATIC_DIR=/usr/share/orders/static
EXPOSE 8000
# By number, because runAsNonRoot of Kubernetes cannot resolve a name.
USER 10001:10001
STOPSIGNAL SIGTERM
# The timeout exceeds the 3 seconds that the command itself waits. A container that is not ready is unhealthy. Do not restart it
# for that: the database may be the cause.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/orders", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/orders"]

ARG ORDERS_COMMIT=unknown
LABEL org.opencontainers.image.title="orders" \
    org.opencontainers.image.description="Takes orders, prices their items, and keeps an event log of every change" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0" \
    org.opencontainers.image.revision="${ORDERS_COMMIT}"
