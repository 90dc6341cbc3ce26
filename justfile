# The checks of lipsyncd. `.ci/run` and .github/workflows/ci.yml call these recipes, so each command is in one place.

# Prints the recipes.
default:
    @just --list --unsorted

# The program's own demo: no account, no network. Shares its build with `test`.
[group('daily')]
demo *arguments:
    cargo run -- demo {{arguments}}

# All tests, with few random cases: at most 4 minutes. `just test pipeline::` runs some.
[group('daily')]
test *arguments:
    cargo test {{arguments}}

# Format, clippy, doc comments; licences and advisories where cargo-deny is installed.
[group('daily')]
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
    @if command -v cargo-deny > /dev/null; then cargo deny check advisories licenses bans sources; else echo "skipped: cargo-deny is not installed"; fi

# Formats the source.
[group('daily')]
fmt:
    cargo fmt

# The simulated API on port 8787, for manifests of your own.
[group('daily')]
simulate *arguments:
    cargo run -- simulate {{arguments}}

# All tests, with many random cases: 1000 seeds, 200 kills.
[group('slow')]
test-full *arguments:
    LIPSYNCD_TESTS=full cargo test {{arguments}}

# Proves that the tests catch deliberate mistakes in the paid path.
[group('slow')]
mistakes *names:
    tests/mistakes.sh {{names}}

# Runs one fuzz target; needs a nightly toolchain and cargo-fuzz, see fuzz/README.md.
[group('slow')]
fuzz target *options:
    fuzz/run {{target}} {{options}}

# The program as it is shipped.
[group('release')]
build:
    cargo build --release --locked

# The program without shared libraries; prints its path. See docs/container.md.
[group('release')]
static:
    @packaging/static

# The examples in this repository are valid.
[group('release')]
examples:
    cargo run --quiet -- check jobs.example.yaml

# The figures of the docs. `just bench slots` measures only some.
[group('release')]
bench *arguments:
    cargo bench --bench figures -- {{arguments}}

# The same with less work for each figure.
[group('release')]
bench-short: (bench "--short")

# Metrics, alert rules and continuous backups with the real Prometheus and Litestream, where they are installed.
[group('release')]
monitoring:
    cargo build
    tests/promtool.sh
    tests/litestream.sh target/debug/lipsyncd

# Builds the Debian package and the container image's files, and tests them, where what that needs is installed.
[group('release')]
package:
    cargo build
    tests/package.sh
    tests/image.sh

# Only builds the Debian package, in target/debian; needs cargo-deb.
[group('release')]
deb:
    debian/build

# Tests the built package on a real systemd in its own namespaces; needs root and mmdebstrap.
[group('release')]
lab:
    tests/systemd.sh
