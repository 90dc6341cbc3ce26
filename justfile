# Recipes for people who work on lipsyncd; `.ci/run` runs the same checks on a fresh machine.

# All tests.
test:
    cargo test

# What must pass beside the tests; `deny` where it is installed.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
    @if command -v cargo-deny > /dev/null; then cargo deny check advisories licenses bans sources; else echo "cargo-deny is not installed: advisories are not checked"; fi

# See it work: no account, no network.
demo:
    cargo run --release -- demo

# The figures that README quotes; `--short` takes less of each, words such as `slots` only some.
bench *arguments:
    cargo bench --bench figures -- {{arguments}}

# The Debian package, in target/debian; needs cargo-deb.
deb:
    debian/build

# That package on a real systemd, in namespaces of its own; takes root and mmdebstrap.
lab:
    tests/systemd.sh

# Put the source into its form.
fmt:
    cargo fmt

# The simulated API on port 8787, for manifests of your own.
simulate *arguments:
    cargo run --release -- simulate {{arguments}}

# Any bytes where strangers' bytes come in; see fuzz/README.md.
fuzz target *options:
    fuzz/run {{target}} {{options}}
