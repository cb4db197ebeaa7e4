# docker build --build-arg ORDERS_COMMIT="$(git rev-parse --short=12 HEAD)" --tag orders .
# Paths in RUN are relative, so that scripts/check-deploy --build can do the same steps without a container engine.

# Not the slim one, which is without make: the allocator's C is built with it.
FROM rust:1.95-trixie AS build
WORKDIR /build
# .sqlx stands in for the database. Nobody debugs in the image, so it does without symbols; a panic still tells its line.
ENV SQLX_OFFLINE=true CARGO_PROFILE_RELEASE_STRIP=symbols

# The dependencies, with nothing of ours in them: a layer that lasts until one of these files changes.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock build.rs ./
# What the stubs left is newer than the sources that follow, and cargo would take it for theirs: it is cleaned away.
RUN mkdir src \
    && touch src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked \
    && cargo clean --release --locked --package orders

COPY .sqlx .sqlx
COPY migrations migrations
COPY src src
# Only here, for it is another one with each commit. The context has no .git that could tell it.
ARG ORDERS_COMMIT=unknown
RUN cargo build --release --locked --bin orders

# The release of Debian that the binary was linked on.
FROM debian:trixie-slim
# For a database or another service whose certificate is to be checked against the usual authorities.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY static /usr/share/orders/static
COPY --from=build /build/target/release/orders /usr/local/bin/

# ORDERS_ALLOW_ANONYMOUS is not set: nobody is authenticated, so that whoever runs the image has to say that its port is
# reached by the right callers only. Without it, the service says so and ends.
ENV ORDERS_BIND=0.0.0.0:8000 \
    ORDERS_LOG_FORMAT=json \
    ORDERS_STATIC_DIR=/usr/share/orders/static
EXPOSE 8000
# By number: Kubernetes' runAsNonRoot cannot look up a name.
USER 10001:10001
STOPSIGNAL SIGTERM
# Longer than the 3 seconds that it waits by itself. Not ready is unhealthy: it may be the database, so restart nothing for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/orders", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/orders"]

ARG ORDERS_COMMIT=unknown
LABEL org.opencontainers.image.title="orders" \
    org.opencontainers.image.description="Takes orders, prices their items, and keeps a log of what happened, in order" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0" \
    org.opencontainers.image.revision="${ORDERS_COMMIT}"
