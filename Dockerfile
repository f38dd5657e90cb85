# The image of one application, chosen by APP:
#   docker build --build-arg APP=airline-delays -t airline-delays .
# It has no command of its own, since not all applications know `run`: what is said after the image's name is the program's.
# BASE must have what `ldd` shows of the program: glibc, libstdc++, libgcc and OpenSSL 3. Where no registry answers,
# integration-tests/containers/build-image makes such a base and puts a built program in the place of the first stage.
# As rust-toolchain.toml has it, which is not in the context: rustup would fetch the components that it names.
ARG RUST=rust:1.95.0-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST} AS build
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      cmake clang libclang-dev libssl-dev pkg-config && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
ARG APP
# zlib is linked in: the base has none.
ENV CARGO_TARGET_DIR=/target LIBZ_SYS_STATIC=1
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/target \
    cargo build --release --locked -p "${APP}" --bin "${APP}" && \
    install -D -m 0555 "/target/release/${APP}" /out/app && install -d -m 0755 /out/state

FROM ${BASE} AS runtime
ARG APP
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title=${APP} \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION} \
      org.opencontainers.image.licenses=Apache-2.0
# Owned by root: the process can change nothing but its state and /tmp.
COPY --from=build /out/app /app
# A volume that is mounted here takes the owner over.
COPY --from=build --chown=65532:65532 /out/state /var/lib/kappa
# Two arenas: with one for each thread glibc keeps memory that no setting counts.
ENV KAPPA_STATE_DIR=/var/lib/kappa MALLOC_ARENA_MAX=2
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app"]
