#!/usr/bin/env bash
# The package on a real systemd: installed, started, used, killed, starved, reloaded, misconfigured, upgraded, removed.
#
# tests/systemd.sh [PACKAGE]: PACKAGE is what `debian/build` made; the debug build is there for the one case that needs a
# scheduler that hangs. Takes root. Says what it skips, and why, where it cannot run; ends with 1 when something is not
# as it should be. LIPSYNCD_TEST_ROOT names an archive of a Debian root that is to be used, or kept, for another time.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/systemd/machine.sh

if lack=$(machine_lacks); then
    echo "skipped: a real systemd is not tried, $lack"
    exit 0
fi
package=$(realpath "${1:-$(ls -t target/debian/lipsyncd_*.deb | head -n 1)}")
work=$(mktemp -d)
archive=${LIPSYNCD_TEST_ROOT:-$work/root.tar}
root=$work/root
log=$work/boot.log

finish() {
    code=$?
    if [ "$code" -ne 0 ] && [ -n "${MACHINE_PID:-}" ]; then
        echo "--- the end of the journal:"
        machine_do journalctl --no-pager -n 60 || true
    fi
    machine_down
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT

part() { printf '\n-- %s\n' "$*"; }
# ok WHAT COMMAND…: WHAT is so, or the test ends.
ok() {
    local what=$1
    shift
    if "$@" > "$work/said" 2>&1; then
        echo "ok: $what"
    else
        echo "NOT ok: $what ($*)"
        cat "$work/said"
        exit 1
    fi
}
not() { ! "$@"; }
# until_ok WHAT COMMAND…: WHAT becomes so within a minute.
until_ok() {
    local what=$1 turn
    shift
    for turn in $(seq 300); do
        if "$@" > "$work/said" 2>&1; then
            echo "ok: $what"
            return
        fi
        sleep 0.2
    done
    echo "NOT ok, within a minute: $what ($*)"
    cat "$work/said"
    exit 1
}
# Inside, in a shell.
in_it() { machine_do bash -c "$*"; }
show() { machine_do systemctl show --property="$2" --value "$1"; }
is() { [ "$(show "$1" "$2")" = "$3" ]; }
restarted() { [ "$(show lipsyncd NRestarts)" -gt "$1" ]; }
says() { show lipsyncd StatusText | grep --quiet -F "$1"; }
journal_has() { machine_do journalctl --no-pager -u lipsyncd -o cat | grep --quiet -F "$1"; }
# As alice, a member of the group, who may read and drop.
as_alice() { machine_do setpriv --reuid=alice --regid=alice --init-groups -- "$@"; }
query() { as_alice sqlite3 -readonly /var/lib/lipsyncd/lipsyncd.db "$1"; }
state() { [ "$(query "SELECT state FROM job_overview WHERE key = '$1'")" = "$2" ]; }
ledger() { machine_do curl --silent --fail http://127.0.0.1:8787/sim/ledger | jq_in "$1"; }
jq_in() { machine_do jq --raw-output "$1"; }
paid() { [ "$(ledger '.tasks | length')" = "$1" ] && [ "$(ledger '.paid_twice.external_task_ids | length')" = 0 ]; }
# drop NAME: alice drops a job whose sound is a file beside it; its video is made up by the simulator.
drop() {
    as_alice bash -c "cd /var/lib/lipsyncd/jobs && cp /srv/clips/welcome-en.mp3 $1.mp3 &&
        printf 'video: https://cdn.example.com/$1.mp4?duration_ms=9000\naudio: $1.mp3\n' > .$1.part && mv .$1.part $1.yaml"
}
configure() { in_it "sed -i '/^kling:/d; /^limits:/,\$d' /etc/lipsyncd/lipsyncd.yaml; cat >> /etc/lipsyncd/lipsyncd.yaml" ; }
settings() { printf 'kling: { base_url: "http://127.0.0.1:8787" }\nlimits: { concurrency: %s }\n%s' "$1" "${2:-}"; }

part "a Debian with systemd"
if [ ! -s "$archive" ] && ! machine_make "$archive"; then
    echo "skipped: a real systemd is not tried, no Debian root can be made here"
    exit 0
fi
mkdir "$root"
tar -C "$root" -xf "$archive"
mkdir "$root/srv/clips" "$root/srv/package"
cp src/cli/demo/clips/* "$root/srv/clips/"
cp "$package" "$root/srv/package/lipsyncd.deb"
if ! machine_up "$root" "$log"; then
    tail -n 20 "$log"
    echo "skipped: a real systemd is not tried, none comes up on this machine"
    exit 0
fi
ok "$(machine_do systemctl --version | head -n 1) runs" true

part "installed"
export DEBIAN_FRONTEND=noninteractive
ok "dpkg -i" machine_do dpkg -i /srv/package/lipsyncd.deb
ok "the unit is there, and neither enabled nor started" is lipsyncd ActiveState inactive
ok "folders are the group's" in_it '[ "$(stat -c %a:%U:%G /var/lib/lipsyncd /var/lib/lipsyncd/jobs /var/lib/lipsyncd/output | xargs)" = "750:lipsyncd:lipsyncd 2770:lipsyncd:lipsyncd 2750:lipsyncd:lipsyncd" ]'
ok "credentials are root's alone" in_it '[ "$(stat -c %a:%U /etc/lipsyncd/credentials)" = 700:root ]'
ok "systemd-analyze verify has nothing to say" in_it 'cd /usr/lib/systemd/system && ! systemd-analyze verify --man=no lipsyncd.service lipsyncd@a.service 2>&1 | grep .'
for unit in lipsyncd.service lipsyncd@a.service; do
    ok "exposure of $unit: $(in_it "systemd-analyze security --no-pager $unit | sed -n 's/.*level for [^:]*: //p'" | cut -d ' ' -f 1)" \
        machine_do systemd-analyze security --no-pager --threshold=11 "$unit"
done
machine_do useradd --groups lipsyncd alice
machine_do useradd bob
machine_do systemd-run --quiet --unit=sim /usr/bin/lipsyncd simulate --task-time 3s
until_ok "the simulator answers" ledger .tasks
settings 5 | configure

part "without credentials"
ok "it does not start" not machine_do systemctl start lipsyncd
ok "and says why" journal_has "no credentials"
ok "and is not started again: that would not mend it" in_it 'sleep 1; [ "$(systemctl show -P NRestarts lipsyncd)" = 0 ]'
ok "exit status 2" is lipsyncd ExecMainStatus 2

part "started"
in_it 'cd /etc/lipsyncd/credentials && umask 077 && echo sim-access-key > access_key && echo sim-secret-key > secret_key && chmod 0400 access_key && chmod 0440 secret_key'
ok "systemctl start, which waits until it is ready" machine_do systemctl start lipsyncd
ok "it has read the folder by then" journal_has "the folder has been read"
until_ok "its line of status counts" says "0 of 5 slots used; no other jobs"
ok "no secret in its environment or its command line" in_it '! cat /proc/$(systemctl show -P MainPID lipsyncd)/{environ,cmdline} | grep -a sim-secret'

part "used"
drop first
until_ok "a member drops a manifest with a sound of its own, and gets the result" state first succeeded
ok "it reads it" as_alice test -s /var/lib/lipsyncd/output/first.mp4
ok "it asks lipsyncd, which finds its configuration" as_alice lipsyncd status
ok "others do not" not machine_do setpriv --reuid=bob --regid=bob --init-groups -- cat /var/lib/lipsyncd/output/first.mp4
ok "nor read the database" not machine_do setpriv --reuid=bob --regid=bob --init-groups -- sqlite3 -readonly /var/lib/lipsyncd/lipsyncd.db .tables
ok "the journal has the job, its task and its request in fields" in_it \
    'journalctl -u lipsyncd -o json JOB=first | jq -s -e "any(.[]; .MANIFEST == \"first.yaml\" and .TASK_ID != null and .REQUEST_ID != null)"'
ok "one task was paid" paid 1

part "looked after"
ok "lipsyncd doctor, by root, finds no error" machine_do lipsyncd doctor
ok "and by a member, who cannot see all" as_alice lipsyncd doctor
ok "lipsyncd backup" machine_do setpriv --reuid=lipsyncd --regid=lipsyncd --clear-groups lipsyncd backup /var/lib/lipsyncd/copy.db
ok "nothing was paid for that" paid 1

part "killed"
drop second
until_ok "a task runs" in_it 'curl -s http://127.0.0.1:8787/sim/ledger | jq -e ".tasks | length == 2"'
machine_do systemctl kill --signal=KILL lipsyncd
until_ok "it is started again" restarted 0
until_ok "and takes the result" state second succeeded
ok "two tasks were paid" paid 2

part "stopped"
drop third
until_ok "a task runs" in_it 'curl -s http://127.0.0.1:8787/sim/ledger | jq -e ".tasks | length == 3"'
ok "systemctl stop" machine_do systemctl stop lipsyncd
ok "it ended well" is lipsyncd Result success
ok "exit status 0" is lipsyncd ExecMainStatus 0
ok "the group reads the database meanwhile" query "SELECT count(*) FROM job_overview"
ok "systemctl start" machine_do systemctl start lipsyncd
until_ok "it takes the result" state third succeeded
ok "three tasks were paid" paid 3

part "reloaded"
pid=$(show lipsyncd MainPID)
settings 3 | configure
ok "systemctl reload" machine_do systemctl reload lipsyncd
until_ok "the new limit is in force" says "0 of 3 slots used"
settings 3 'metrics: { listen: 127.0.0.1:9464 }
' | configure
machine_do systemctl reload lipsyncd
until_ok "metrics that are switched on are there" in_it 'curl -s http://127.0.0.1:9464/metrics | grep -qF "lipsyncd_jobs{state=\"succeeded\"} 3"'
settings 3 'colour: blue
' | configure
machine_do systemctl reload lipsyncd || true
until_ok "a faulty configuration is told, with its place" journal_has "lipsyncd.yaml:"
ok "and not taken: it runs on" is lipsyncd ActiveState active
ok "in the same process" is lipsyncd MainPID "$pid"
drop fourth
until_ok "and works on" state fourth succeeded

part "a wrong configuration"
ok "it does not start with it" not machine_do systemctl restart lipsyncd
ok "exit status 2" is lipsyncd ExecMainStatus 2
ok "and is not started again" in_it 'sleep 1; [ "$(systemctl show -P NRestarts lipsyncd)" = 0 ] && [ "$(systemctl is-failed lipsyncd)" = failed ]'
settings 5 | configure
ok "mended, it starts" machine_do systemctl start lipsyncd

part "a folder of results that takes nothing"
in_it 'chown root:root /var/lib/lipsyncd/output && chmod 0755 /var/lib/lipsyncd/output'
drop fifth
until_ok "systemctl status says why the job waits" says " held: "
ok "nothing was paid for it" paid 4
in_it 'chown lipsyncd:lipsyncd /var/lib/lipsyncd/output && chmod 2750 /var/lib/lipsyncd/output'
until_ok "once it takes files again, the job goes on" state fifth succeeded

part "a folder of manifests that is not there"
machine_do systemctl stop lipsyncd
in_it 'mv /var/lib/lipsyncd/jobs /var/lib/lipsyncd/gone'
machine_do systemctl start --no-block lipsyncd
until_ok "it is not ready, and says why" says "cannot be read"
ok "it is still starting" is lipsyncd ActiveState activating
in_it 'mv /var/lib/lipsyncd/gone /var/lib/lipsyncd/jobs'
until_ok "once it is there, it is ready" is lipsyncd ActiveState active
ok "no job was taken as removed" in_it '[ "$(sqlite3 /var/lib/lipsyncd/lipsyncd.db "SELECT count(*) FROM job_overview WHERE state = '"'succeeded'"'")" = 5 ]'

part "a scheduler that hangs"
if [ -x target/debug/lipsyncd ]; then
    install target/debug/lipsyncd "$root/srv/package/lipsyncd-debug"
    in_it 'mkdir -p /run/systemd/system/lipsyncd.service.d && cat > /run/systemd/system/lipsyncd.service.d/hang.conf' << 'UNIT'
[Service]
ExecStart=
ExecStart=/srv/package/lipsyncd-debug --config /etc/lipsyncd/lipsyncd.yaml run
Environment=LIPSYNCD_STALL=/run/stall
WatchdogSec=2s
RestartSec=500ms
UNIT
    machine_do systemctl daemon-reload
    ok "it runs under a short watchdog" machine_do systemctl restart lipsyncd
    drop sixth
    until_ok "a task runs" in_it 'curl -s http://127.0.0.1:8787/sim/ledger | jq -e ".tasks | length == 6"'
    machine_do touch /run/stall
    until_ok "the watchdog ends it" journal_has "Watchdog timeout"
    machine_do rm /run/stall
    until_ok "it is started again" restarted 0
    until_ok "and takes the result" state sixth succeeded
    ok "six tasks were paid" paid 6
    ok "no core is left" in_it '! find / -xdev -name "core*" -type f -size +100k -newer /run/systemd/system/lipsyncd.service.d/hang.conf 2> /dev/null | grep .'
    in_it 'rm -r /run/systemd/system/lipsyncd.service.d && systemctl daemon-reload && systemctl restart lipsyncd'
else
    echo "skipped: a scheduler that hangs, there is no debug build (cargo build)"
    drop sixth
    until_ok "a sixth job" state sixth succeeded
fi

part "a second account"
in_it 'mkdir -m 0700 /etc/lipsyncd/north.credentials && cp /etc/lipsyncd/credentials/* /etc/lipsyncd/north.credentials/ &&
    sed "s|/var/lib/lipsyncd/|/var/lib/lipsyncd-north/|" /etc/lipsyncd/lipsyncd.yaml > /etc/lipsyncd/north.yaml'
ok "systemctl enable --now lipsyncd@north" machine_do systemctl enable --now lipsyncd@north
ok "it has folders of its own" in_it '[ "$(stat -c %a:%U /var/lib/lipsyncd-north/jobs)" = 2770:lipsyncd ]'
ok "and answers by its own configuration" as_alice lipsyncd --config /etc/lipsyncd/north.yaml status

in_it 'cp -r /etc/lipsyncd/north.credentials /etc/lipsyncd/south.credentials && sed s/-north/-south/ /etc/lipsyncd/north.yaml > /etc/lipsyncd/south.yaml &&
    mkdir /etc/victim && install -d -o lipsyncd -g lipsyncd /var/lib/lipsyncd-south && ln -s /etc/victim /var/lib/lipsyncd-south/jobs'
ok "a third starts" machine_do systemctl start lipsyncd@south
ok "root gives nothing away through a link in the place of its folder" in_it '[ "$(stat -c %U:%a /etc/victim)" = root:755 ]'
machine_do systemctl stop lipsyncd@south

part "upgraded with a job under way"
dpkg-deb --raw-extract "$package" "$work/newer"
sed -i 's/^Version: .*/&.1/' "$work/newer/DEBIAN/control"
dpkg-deb --build --root-owner-group "$work/newer" "$root/srv/package/newer.deb" > /dev/null
drop seventh
until_ok "a task runs" in_it 'curl -s http://127.0.0.1:8787/sim/ledger | jq -e ".tasks | length == 7"'
pid=$(show lipsyncd MainPID) north=$(show lipsyncd@north MainPID)
ok "dpkg -i of a newer version" machine_do dpkg -i /srv/package/newer.deb
ok "both run, as new processes" in_it "systemctl is-active lipsyncd lipsyncd@north && [ \$(systemctl show -P MainPID lipsyncd) != $pid ] && [ \$(systemctl show -P MainPID lipsyncd@north) != $north ]"
ok "the configuration is the user's" in_it 'grep -q 127.0.0.1:8787 /etc/lipsyncd/lipsyncd.yaml'
until_ok "the result is there" state seventh succeeded
ok "seven tasks were paid" paid 7

part "removed, and purged"
ok "dpkg --remove" machine_do dpkg --remove lipsyncd
ok "nothing of it runs" in_it '! systemctl is-active lipsyncd lipsyncd@north | grep -qx active'
ok "dpkg --purge" machine_do dpkg --purge lipsyncd
ok "secrets are gone" in_it '[ ! -e /etc/lipsyncd/credentials ] && ! ls -d /etc/lipsyncd/*.credentials 2> /dev/null | grep .'
ok "the state and the results are there" in_it '[ -s /var/lib/lipsyncd/lipsyncd.db ] && [ -s /var/lib/lipsyncd/output/first.mp4 ]'
ok "installed again" machine_do dpkg -i /srv/package/newer.deb
in_it 'echo lipsyncd lipsyncd/purge-state boolean true | debconf-set-selections'
ok "purged with the answer that the state is to go" machine_do dpkg --purge lipsyncd
ok "nothing is left" in_it '! ls -d /var/lib/lipsyncd* 2> /dev/null | grep .'

part "all is well"
