# A small Debian with its own systemd, for `tests/systemd.sh`: mmdebstrap makes the root, and systemd boots in new
# namespaces. It has only a loopback network, and no access to this machine's devices.
#
# When sourced, this file defines machine_make, machine_up, machine_do and machine_down. `unshare` runs it as a command,
# and then it becomes that systemd.

# Debian packages that the test needs beside the minimal set.
MACHINE_PACKAGES=systemd,systemd-sysv,dbus,debconf,iproute2,procps,ca-certificates,sqlite3,curl,jq

machine_cgroups() {
    local place
    for place in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        if [ "$(stat --file-system --format=%T "$place" 2> /dev/null)" = cgroup2fs ]; then
            echo "$place"
            return
        fi
    done
    return 1
}

# machine_lacks: prints what is missing on this machine; fails when nothing is missing.
machine_lacks() {
    local tool
    if [ "$(id -u)" -ne 0 ]; then echo "it needs root"; return; fi
    for tool in mmdebstrap unshare nsenter pgrep setsid; do
        if ! command -v "$tool" > /dev/null; then echo "$tool is missing"; return; fi
    done
    if ! machine_cgroups > /dev/null; then echo "there is no cgroup v2"; return; fi
    if ! unshare --mount --pid --net --fork true 2> /dev/null; then echo "namespaces are not allowed"; return; fi
    return 1
}

# machine_make FILE: writes the root as an archive; takes a minute.
machine_make() {
    local release
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mmdebstrap --quiet --variant=minbase --include="$MACHINE_PACKAGES" "$release" "$1"
}

# machine_up ROOT LOG: boots the machine, and waits until its services have started.
machine_up() {
    local group
    MACHINE_ROOT=$1
    group=$(machine_cgroups)/lipsyncd-test-$$
    mkdir -p "$group"
    # The new systemd starts in its own cgroup, which is the root cgroup in its namespace.
    (
        echo "$BASHPID" > "$group/cgroup.procs"
        exec setsid unshare --mount --pid --ipc --uts --cgroup --net --fork --kill-child \
            bash "${BASH_SOURCE[0]}" "$MACHINE_ROOT" < /dev/null > "$2" 2>&1
    ) &
    MACHINE_OUTER=$!
    MACHINE_GROUP=$group
    local turn
    for turn in $(seq 300); do
        MACHINE_PID=$(pgrep --parent "$MACHINE_OUTER" | head -n 1) || true
        if [ -n "$MACHINE_PID" ] && machine_do systemctl is-system-running 2> /dev/null | grep --quiet -E 'running|degraded'; then
            return
        fi
        sleep 0.1
    done
    echo "the systemd in $MACHINE_ROOT does not boot; see $2" >&2
    return 1
}

# machine_do COMMAND…: runs the command in the machine, as root.
machine_do() {
    nsenter --target "$MACHINE_PID" --mount --pid --cgroup --ipc --uts --net --root --wd -- "$@"
}

# machine_down: ends the machine and all its processes.
machine_down() {
    if [ -n "${MACHINE_OUTER:-}" ]; then
        kill -9 "$MACHINE_OUTER" 2> /dev/null || true
        wait "$MACHINE_OUTER" 2> /dev/null || true
        # The processes need a moment to end. An inner cgroup must be removed before the outer one.
        local turn
        for turn in $(seq 50); do
            if find "$MACHINE_GROUP" -depth -type d -exec rmdir {} + 2> /dev/null; then break; fi
            sleep 0.1
        done
    fi
}

# Becomes PID 1 in the new namespaces.
machine_boot() {
    set -euo pipefail
    local root=$1 unit
    # Mounts from here on are not visible outside.
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    # Kernel settings belong to this machine, so they are read-only.
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    # Own device nodes, because systemd changes the owners of those it finds.
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mknod -m 666 "$root/dev/null" c 1 3
    mknod -m 666 "$root/dev/zero" c 1 5
    mknod -m 666 "$root/dev/full" c 1 7
    mknod -m 666 "$root/dev/random" c 1 8
    mknod -m 666 "$root/dev/urandom" c 1 9
    mknod -m 666 "$root/dev/tty" c 5 0
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    chroot "$root" ip link set lo up
    # Units for hardware or kernel settings are masked.
    for unit in console-getty.service systemd-remount-fs.service systemd-sysctl.service systemd-modules-load.service \
        systemd-udevd.service dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
        sys-kernel-config.mount sys-fs-fuse-connections.mount; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    cd "$root"
    mkdir -p .outside
    # After a mere chroot, the kernel refuses user namespaces, which PrivateUsers= needs.
    pivot_root . .outside
    umount --lazy /.outside
    rmdir /.outside || true
    # As on a real boot; otherwise LoadCredential= provides an empty folder.
    mount --make-rshared /
    exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    machine_boot "$1"
fi
