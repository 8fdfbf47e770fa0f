# syntax=docker/dockerfile:1

# A static binary: musl, so that the image below needs no C library.
FROM rust:1.95-alpine AS build
# What `ring` compiles with.
# hadolint ignore=DL3018
RUN apk add --no-cache build-base
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin group-import-gateway \
    && cp target/release/group-import-gateway /group-import-gateway

# No shell, no package manager; the CA certificates that the way to Chat needs.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build --chmod=0555 /group-import-gateway /group-import-gateway
COPY --chmod=0444 LICENSE /LICENSE
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
ENV GATEWAY_CONFIG=/etc/group-import/gateway.toml
EXPOSE 50051 9464
ENTRYPOINT ["/group-import-gateway"]
CMD ["serve"]
