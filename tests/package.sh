#!/usr/bin/env bash
# Builds the Debian package and tests it: lintian, then a real systemd. Skips what is not installed, and prints what.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo-deb > /dev/null; then
  echo "skipped: cargo-deb is not installed, so no package is built and tested"
  exit 0
fi
debian/build

if command -v lintian > /dev/null; then
  lintian --fail-on error --allow-root target/debian/*.deb
else
  echo "skipped: lintian is not installed"
fi

tests/systemd.sh
