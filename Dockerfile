# syntax=docker/dockerfile:1
# The controller's image, for linux/amd64 and linux/arm64:
#   docker buildx build --platform linux/amd64,linux/arm64 --tag registry.example.com/strongroom:0.1.0 .
# The build stage runs on the machine's own platform and compiles for the other one.
FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS build
ARG TARGETARCH
WORKDIR /src
COPY . .
# The cryptography library is C: compiling for another platform takes a C compiler for it.
RUN <<'SCRIPT'
set -eu
case "$TARGETARCH" in
  amd64) target=x86_64-unknown-linux-gnu compiler=x86_64-linux-gnu-gcc package=gcc-x86-64-linux-gnu ;;
  arm64) target=aarch64-unknown-linux-gnu compiler=aarch64-linux-gnu-gcc package=gcc-aarch64-linux-gnu ;;
  *) echo "no build for $TARGETARCH" >&2; exit 1 ;;
esac
if ! command -v "$compiler" >/dev/null; then
  apt-get update
  apt-get install --yes --no-install-recommends "$package" "libc6-dev-$TARGETARCH-cross"
fi
rustup target add "$target"
variable=$(echo "$target" | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${variable}_LINKER=$compiler" "CC_$(echo "$target" | tr - _)=$compiler"
cargo build --locked --release --target "$target" --package strongroom-controller --bin strongroom
install -D "target/$target/release/strongroom" /out/strongroom
SCRIPT

# A C library of the same release, root certificates, and neither a shell nor a package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/strongroom /usr/local/bin/strongroom
COPY LICENSE /usr/share/doc/strongroom/LICENSE
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/strongroom"]
