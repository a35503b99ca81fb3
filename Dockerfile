# One image with all programs; each service is one command of it (see compose.yaml).
ARG RUST=1.95
ARG DEBIAN=trixie

FROM rust:${RUST}-slim-${DEBIAN} AS build
WORKDIR /src
COPY . .
# The caches hold what cargo fetched and compiled the last time, so a change rebuilds only what it touches. They are
# no part of the image: hence the copy to /out.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin users --bin movies --bin bookings --bin gateway --bin marquee \
    && mkdir /out \
    && cd target/release \
    && cp users movies bookings gateway marquee /out/

FROM debian:${DEBIAN}-slim
# A number, so that an orchestrator can see that it is not root's; nothing in the image belongs to it.
USER 10001:10001
# Not /usr/local/bin: coreutils has a `users`, too, and ours must be found first.
COPY --from=build /out/ /opt/marquee/bin/
ENV PATH=/opt/marquee/bin:/usr/local/bin:/usr/bin:/bin
# The MySQL client keeps 128 buffers by itself, each as large as the largest statement; the allocator what is freed, for 1 s.
ENV MYSQL_ASYNC_BUFFER_POOL_CAP=4 MIMALLOC_PURGE_DELAY=100
# The gateway's REST and Swagger UI.
EXPOSE 8080
# No ENTRYPOINT: `docker run marquee bookings --help`
CMD ["marquee", "--help"]
