#!/usr/bin/env bash
# Tests the container image without containers: makes its root file system as packaging/Dockerfile does, and runs it in
# a chroot in namespaces of its own, with the user, environment and commands of the Dockerfile.
#
# tests/image.sh [FOLDER]: FOLDER is a root file system of packaging/rootfs; by default it is made.
set -euo pipefail
cd "$(dirname "$0")/.."

lacks() {
    local tool
    for tool in unshare chroot mount ip openssl python3 readelf; do
        if ! command -v "$tool" > /dev/null; then echo "$tool is missing"; return; fi
    done
    if [ ! -e "${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}" ]; then echo "ca-certificates is missing"; return; fi
    if ! unshare "${namespaces[@]}" true 2> /dev/null; then echo "namespaces are not allowed"; return; fi
    return 1
}

namespaces=(--mount --net --pid --fork --kill-child)
if [ "$(id -u)" -ne 0 ]; then namespaces+=(--user --map-root-user); fi
if lack=$(lacks); then
    echo "skipped: no test of the container image, $lack"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

root=$work/root
if [ $# -eq 0 ]; then
    # In a copy of what Docker would send to the build.
    mkdir "$work/context"
    for path in $(sed -n 's/^!//p' packaging/Dockerfile.dockerignore); do cp -a --parents "$path" "$work/context"; done
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target} "$work/context/packaging/rootfs" "$root"
else
    cp -a "$1" "$root"
fi
# Nothing in the file system may need another file of the build machine.
if readelf --program-headers "$root/usr/bin/lipsyncd" | grep --quiet INTERP; then
    echo "NOT ok: the program needs a dynamic linker"
    exit 1
fi
echo "ok: the program is static"
echo "the image has $(du -sh "$root" | cut -f 1)"
unshare "${namespaces[@]}" python3 tests/image/container.py packaging/Dockerfile "$root" "$work"
