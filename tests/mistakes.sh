#!/usr/bin/env bash
# Makes the mistakes of tests/mistakes/table in a copy of the source, and proves that the simulation, or a scenario,
# catches each.
#
# tests/mistakes.sh [NAME…]: all of them, or only these.
set -euo pipefail
cd "$(dirname "$0")/.."

table=$PWD/tests/mistakes/table
copy=$PWD/target/mistakes/source
export CARGO_TARGET_DIR=$PWD/target/mistakes/build

fail() {
  echo "tests/mistakes.sh: $*" >&2
  exit 1
}

# replace FILE TEXT NEW: the text must be in the file exactly once.
replace() {
  local file=$copy/$1 text=$2 new=$3 content without
  [ -f "$file" ] || fail "$1 is not there"
  content=$(cat "$file" && echo .)
  content=${content%.}
  without=${content//"$text"/}
  local count=$(((${#content} - ${#without}) / ${#text}))
  [ "$count" -eq 1 ] || fail "$1 has this text $count times instead of once:
$text"
  printf '%s' "${content/"$text"/"$new"}" > "$file"
}

# Copies what Git would: cargo builds what changed, so files that did not keep their times.
mkdir -p "$copy"
rm -rf "${copy:?}"/*
git ls-files --cached --others --exclude-standard -z \
  | while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done \
  | tar --null --files-from=- --create --file=- | tar --extract --file=- --directory="$copy"

names=() file='' text='' new='' part=''
apply() {
  if [ -n "$file" ]; then
    # Blank lines and comments between two entries belong to neither.
    replace "$file" "${text%$'\n'}" "${new%$'\n'}"
  fi
  file='' text='' new='' part=''
}
while IFS= read -r line || [ -n "$line" ]; do
  case $line in
    '== '*)
      apply
      read -r _ name file <<< "$line"
      names+=("$name")
      part=text
      ;;
    '--') part=new ;;
    '' | '# '* | '#') if [ -n "$part" ]; then apply; fi ;;
    *) if [ "$part" = text ]; then text+=$line$'\n'; else new+=$line$'\n'; fi ;;
  esac
done < "$table"
apply

# The switch: one environment variable, read once by each thread.
cat >> "$copy/src/lib.rs" << 'END'

/// Whether a deliberate mistake is made.
fn is_made(name: &str) -> bool {
    thread_local! {
        static MISTAKE: Option<String> = std::env::var("MISTAKE").ok();
    }
    MISTAKE.with(|mistake| mistake.as_deref() == Some(name))
}
END
macro='macro_rules! mistake { ($name:literal) => { crate::is_made($name) }; }'
replace src/lib.rs 'pub mod cli;' "$macro"$'\n\npub mod cli;'

cargo test --manifest-path "$copy/Cargo.toml" --test it --no-run

if [ $# -gt 0 ]; then names=("$@"); fi
plant() {
  local log=$CARGO_TARGET_DIR/$1.log
  # What the simulation meets too seldom has scenarios of its own.
  local scenario=
  case $1 in
    EmptyIsAbsence) scenario=uncertain::empty ;;
    HostIgnored) scenario=uncertain::base_url ;;
  esac
  if [ -n "$scenario" ]; then
    MISTAKE=$1 cargo test --quiet --manifest-path "$copy/Cargo.toml" --test it "$scenario" \
      > "$log" 2>&1 || true
    if grep -q '^test result: FAILED' "$log"; then
      echo "$1: caught by $scenario"
    else
      tail -n 40 "$log" >&2
      echo "$1: not caught" >&2
      return 1
    fi
  elif MISTAKE=$1 cargo test --quiet --manifest-path "$copy/Cargo.toml" --test it \
    simulation::planted -- --nocapture > "$log" 2>&1; then
    grep "^$1: caught" "$log"
  else
    tail -n 40 "$log" >&2
    echo "$1: not caught" >&2
    return 1
  fi
}
export -f plant
export copy
printf '%s\n' "${names[@]}" | sort -u | xargs -P 2 -I NAME bash -c 'plant NAME'
echo "all are caught"
