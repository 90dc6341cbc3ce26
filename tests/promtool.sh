#!/usr/bin/env bash
# Checks with Prometheus itself: a server scrapes the metrics of a real daemon that ran a job against the simulator;
# promtool checks the alert rules and runs their tests. Skipped where there is no promtool (Debian: prometheus).
#
# tests/promtool.sh [PROGRAM]   by default target/debug/lipsyncd, which is built if it is missing
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v promtool > /dev/null; then
  echo "skipped: promtool is not installed"
  exit 0
fi
program=${1:-target/debug/lipsyncd}
if [ ! -x "$program" ]; then cargo build; fi
program=$(realpath "$program")

place=$(mktemp -d)
pids=()
end() {
  for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
  wait
  rm -rf "$place"
}
trap end EXIT

# line_of FILE PATTERN: waits for a matching line, and prints the part in the pattern's parentheses.
line_of() {
  local found=""
  for _ in $(seq 600); do
    found=$(sed -nE "s|.*$2.*|\1|p" "$1" 2> /dev/null | head -n 1)
    if [ -n "$found" ]; then echo "$found" && return; fi
    sleep 0.1
  done
  echo "timed out waiting for '$2' in:" >&2
  cat "$1" >&2
  return 1
}

# Plain bash, because curl may be missing.
scrape() {
  exec 3<> "/dev/tcp/127.0.0.1/$1"
  printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3
  sed '1,/^\r$/d' <&3
  exec 3>&-
}

"$program" simulate --listen 127.0.0.1:0 --task-time 100ms > "$place/simulator" 2>&1 &
pids+=($!)
api=$(line_of "$place/simulator" 'answers at (http://[0-9.:]+)')

mkdir "$place/jobs"
cat > "$place/jobs/x.yaml" << 'YAML'
video: https://cdn.example.com/v.mp4?duration_ms=9000
audio: https://cdn.example.com/a.mp3?duration_ms=5000
sound_end_time: 4s
YAML
touch -d '1 hour ago' "$place/jobs/x.yaml"
cat > "$place/lipsyncd.yaml" << YAML
kling: { base_url: $api }
limits: { units_per_day: 100 }
poll: { min_interval: 100ms, max_interval: 100ms }
metrics: { listen: 127.0.0.1:0 }
log: { format: text }
YAML
KLING_ACCESS_KEY=sim-access-key KLING_SECRET_KEY=sim-secret-key NO_COLOR=1 RUST_LOG=lipsyncd=info \
  "$program" --config "$place/lipsyncd.yaml" run > "$place/daemon" 2>&1 &
pids+=($!)
port=$(line_of "$place/daemon" 'metrics at http://127.0.0.1:([0-9]+)/metrics')
line_of "$place/daemon" '(downloading → succeeded)' > /dev/null

echo "the page of one scrape"
scrape "$port" > "$place/metrics"
grep -q '^lipsyncd_jobs{state="succeeded"} 1' "$place/metrics"
grep -q '^lipsyncd_api_calls_total{call="create",code="0"} 1' "$place/metrics"
grep -q '^# EOF$' "$place/metrics"

# A server of its own scrapes the daemon: promtool itself checks only the older text format.
echo "prometheus scrapes it"
cat > "$place/prometheus.yml" << YAML
global: { scrape_interval: 1s }
scrape_configs: [{ job_name: lipsyncd, static_configs: [{ targets: ["127.0.0.1:$port"] }] }]
YAML
mkdir "$place/tsdb"
prometheus --config.file "$place/prometheus.yml" --storage.tsdb.path "$place/tsdb" \
  --web.listen-address 127.0.0.1:0 > "$place/prometheus" 2>&1 &
pids+=($!)
server=http://$(line_of "$place/prometheus" 'msg="Listening on" address=([0-9.:]+)')
query() {
  local found=""
  for _ in $(seq 300); do
    found=$(promtool query instant "$server" "$1" 2> /dev/null || true)
    if [[ "$found" == *"=> 1 "* ]]; then return; fi
    sleep 0.1
  done
  echo "no series with the value 1: $1: $found" >&2
  cat "$place/prometheus" >&2
  return 1
}
query 'up{job="lipsyncd"}'
query 'lipsyncd_jobs{state="succeeded"}'
query 'lipsyncd_api_calls_total{call="create",code="0"}'
query 'lipsyncd_api_call_duration_seconds_bucket{call="create",le="+Inf"}'

echo "promtool check rules"
promtool check rules docs/prometheus-alerts.yaml

echo "promtool test rules"
promtool test rules tests/promtool/alerts.yaml
