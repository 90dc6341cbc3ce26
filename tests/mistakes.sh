#!/usr/bin/env bash
# Makes the mistakes of tests/mistakes/table in a copy of the source, and proves that a test catches each: the
# simulation, or a scenario.
#
# tests/mistakes.sh [NAME…]   by default all mistakes
set -euo pipefail
cd "$(dirname "$0")/.."

table=$PWD/tests/mistakes/table
copy=$PWD/target/mistakes/source
export CARGO_TARGET_DIR=$PWD/target/mistakes/build

fail() {
  echo "tests/mistakes.sh: $*" >&2
  exit 1
}

# replace FILE TEXT NEW: the file must contain the text exactly once.
replace() {
  local file=$copy/$1 text=$2 new=$3 content without
  [ -f "$file" ] || fail "$1 is missing"
  content=$(cat "$file" && echo .)
  content=${content%.}
  without=${content//"$text"/}
  local count=$(((${#content} - ${#without}) / ${#text}))
  [ "$count" -eq 1 ] || fail "$1 contains this text $count times instead of once:
$text"
  printf '%s' "${content/"$text"/"$new"}" > "$file"
}

# Copies the files that Git knows. tar keeps their times, so that cargo builds only what changed.
mkdir -p "$copy"
rm -rf "${copy:?}"/*
git ls-files --cached --others --exclude-standard -z \
  | while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done \
  | tar --null --files-from=- --create --file=- | tar --extract --file=- --directory="$copy"

names=() file='' text='' new='' part=''
apply() {
  if [ -n "$file" ]; then
    # Blank lines and comments between two entries are not part of an entry.
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

# An environment variable selects the mistake; each thread reads it once.
cat >> "$copy/src/lib.rs" << 'END'

/// Returns whether this run makes the mistake.
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
  # Mistakes that the simulation meets too rarely have their own scenarios.
  local scenario=
  case $1 in
    ChangedIsUploaded) scenario=uploads::changing ;;
    EmptyIsAbsence) scenario=uncertain::empty ;;
    HostIgnored) scenario=uncertain::base_url ;;
    MessageNotDrained | MessageRenamed | NotifiedUnanswered) scenario=notify::webhook ;;
    PageUnconfirmed) scenario=web::actions ;;
    RefusedSessionUsed) scenario=uncertain::stale_session ;;
    SilenceIsAbsence) scenario=uncertain::lag ;;
    StartedUncounted) scenario=pipeline::caps ;;
    TakenIsUnsent) scenario=uncertain::late ;;
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
echo "all mistakes were caught"
