-- The state database of lipsyncd, as it is made. `PRAGMA user_version` tells its version.
--
-- What stands for readers is the four views at the end: job_overview, job_history, manifest_overview
-- and spend_by_day. The tables under them may change from one version to the next. Text and numbers
-- only. Times are UTC, in ms since 1970 (`*_at_ms`); units are kept in millionths (`*_micro`).

-- One row a manifest that was ever read. A manifest that leaves the folder keeps its row, and its jobs
-- theirs, so that they are known wherever they turn up again.
CREATE TABLE manifest (
  id            INTEGER PRIMARY KEY,
  path          TEXT    NOT NULL UNIQUE,            -- under jobs_dir, parts joined by '/'
  state         TEXT    NOT NULL CHECK (state IN ('accepted', 'refused')),
  error         TEXT    CHECK ((error IS NOT NULL) = (state = 'refused')),
  print         TEXT    NOT NULL,                   -- size and mtime of what was read; '' asks to read it again
  file_id       TEXT    NOT NULL,                   -- device and inode, which stay when it is renamed
  seen_at_ms    INTEGER NOT NULL,
  removed_at_ms INTEGER                             -- since when it is not in the folder
) STRICT;

-- What `status` counts, without a walk over all manifests.
CREATE INDEX manifest_present   ON manifest (state)   WHERE removed_at_ms IS NULL;
CREATE INDEX manifest_gone_file ON manifest (file_id) WHERE removed_at_ms IS NOT NULL;

-- One answer of Identify Face, shared by all jobs of that video.
CREATE TABLE session (
  id               INTEGER PRIMARY KEY,
  account          TEXT    NOT NULL,
  video            TEXT    NOT NULL,                -- what was asked about: its kind, address and fingerprint
  session_id       TEXT    NOT NULL,
  identified_at_ms INTEGER NOT NULL,
  expires_at_ms    INTEGER NOT NULL
) STRICT;

CREATE INDEX session_of_video ON session (video, account, expires_at_ms);

CREATE TABLE face (
  session_row INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  place       INTEGER NOT NULL,                     -- in the API's list, from 0
  face_id     TEXT    NOT NULL,
  start_ms    INTEGER NOT NULL,
  end_ms      INTEGER NOT NULL,
  PRIMARY KEY (session_row, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
  id                  INTEGER PRIMARY KEY,
  key                 TEXT    NOT NULL UNIQUE,
  manifest_id         INTEGER NOT NULL REFERENCES manifest (id),
  state               TEXT    NOT NULL CHECK (state IN ('waiting', 'queued', 'identified', 'creating', 'submitted',
                        'processing', 'downloading', 'succeeded', 'failed', 'cancelled', 'unresolved')),
  revision            INTEGER NOT NULL DEFAULT 0,   -- counts the writes of this row
  attempt             INTEGER NOT NULL DEFAULT 1,
  turn                INTEGER NOT NULL,             -- within one priority, manifests take turns

  -- What the manifest asks.
  name                TEXT,                         -- its id in a batch
  meaning             TEXT    NOT NULL,             -- checksum of what is asked
  video_kind          TEXT    NOT NULL CHECK (video_kind IN ('url', 'file', 'id')),
  video               TEXT    NOT NULL,
  audio_kind          TEXT    NOT NULL CHECK (audio_kind IN ('url', 'file', 'id')),
  audio               TEXT    NOT NULL,
  face_kind           TEXT    NOT NULL CHECK (face_kind IN ('longest', 'first', 'only', 'index', 'id')),
  face                TEXT    CHECK ((face IS NOT NULL) = (face_kind IN ('index', 'id'))),
  sound_start_ms      INTEGER NOT NULL,
  sound_end_ms        INTEGER,
  sound_insert_ms     INTEGER,
  sound_volume        REAL    NOT NULL,
  original_audio_volume REAL  NOT NULL,
  watermark           INTEGER NOT NULL CHECK (watermark IN (0, 1)),
  callback_url        TEXT,
  own_task_id         TEXT,                         -- external_task_id as the manifest gives it
  output              TEXT    NOT NULL,
  priority            INTEGER NOT NULL,
  not_before_at_ms    INTEGER,
  changed_since       INTEGER NOT NULL DEFAULT 0,   -- the manifest asks for something else since it was sent
  wanted_meaning      TEXT,                         -- checksum of that something else
  changed_at_ms       INTEGER,                      -- since when it is asked for
  left_at_ms          INTEGER,                      -- since when no manifest asks for it

  -- What is known of its media.
  media_missing       TEXT,                         -- what is not there yet; NULL: all is there
  sound_ms            INTEGER,
  sound_print         TEXT,
  video_ms            INTEGER,
  video_print         TEXT,
  video_url           TEXT,                         -- where the API finds a local video

  -- How far it came.
  external_base       TEXT    NOT NULL,             -- the task's own name, without the -2, -3 of later attempts
  due_at_ms           INTEGER NOT NULL DEFAULT 0,
  tries               INTEGER NOT NULL DEFAULT 0,
  failing_since_ms    INTEGER,
  sessions_lost       INTEGER NOT NULL DEFAULT 0,
  waits               TEXT,                         -- what it waits for, where that is its own affair
  session_row         INTEGER REFERENCES session (id),
  face_id             TEXT,
  plan_start_ms       INTEGER,
  plan_end_ms         INTEGER,
  plan_insert_ms      INTEGER,
  account             TEXT,                         -- whose account the create was sent with
  first_sent_at_ms    INTEGER,                      -- written down before the create is sent
  sent_at_ms          INTEGER,
  sends               INTEGER,                      -- how often it was written down to be sent
  sound_sha256        TEXT,
  task_id             TEXT,
  units_micro         INTEGER NOT NULL DEFAULT 0,
  error_code          TEXT,
  error               TEXT,
  result_bytes        INTEGER,
  result_sha256       TEXT,
  result_ms           INTEGER,

  created_at_ms       INTEGER NOT NULL,
  updated_at_ms       INTEGER NOT NULL,
  finished_at_ms      INTEGER,

  CHECK ((finished_at_ms IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled'))),
  -- No create without its record, no task without its id, no success without its file.
  CHECK (state <> 'creating' OR first_sent_at_ms IS NOT NULL),
  CHECK (state NOT IN ('submitted', 'processing', 'downloading', 'succeeded') OR task_id IS NOT NULL),
  CHECK (state <> 'succeeded' OR result_sha256 IS NOT NULL)
) STRICT;

-- What is next: one short walk from the top of the line.
-- What failed and is to be tried again has a walk of its own, by when it is due.
CREATE INDEX job_queued      ON job (priority DESC, turn, id) WHERE state = 'queued' AND due_at_ms = 0;
CREATE INDEX job_delayed     ON job (due_at_ms) WHERE state = 'queued' AND due_at_ms > 0;
CREATE INDEX job_waiting     ON job (due_at_ms) WHERE state = 'waiting';
CREATE INDEX job_under_way   ON job (state, id) WHERE state IN ('identified', 'creating', 'submitted', 'processing', 'downloading', 'unresolved');
CREATE INDEX job_state       ON job (state);
CREATE INDEX job_manifest    ON job (manifest_id);
-- Who a job is that turns up under another name.
CREATE INDEX job_meaning     ON job (meaning);
CREATE INDEX job_wanted      ON job (wanted_meaning) WHERE wanted_meaning IS NOT NULL;
CREATE INDEX job_given_up    ON job (audio, video)   WHERE left_at_ms IS NOT NULL OR wanted_meaning IS NOT NULL;
-- No two jobs may write one file, no two may go by one name at the API.
CREATE UNIQUE INDEX job_output   ON job (output) WHERE state <> 'cancelled';
CREATE INDEX job_task            ON job (task_id) WHERE task_id IS NOT NULL;
CREATE UNIQUE INDEX job_external ON job (external_base) WHERE state <> 'cancelled';
CREATE INDEX job_base            ON job (external_base);

CREATE TABLE label (
  job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  name   TEXT    NOT NULL,
  value  TEXT    NOT NULL,
  PRIMARY KEY (job_id, name)
) STRICT, WITHOUT ROWID;

-- What happened: every change of a job, and every answer of the API that did not merely repeat itself.
CREATE TABLE event (
  id          INTEGER PRIMARY KEY,
  job_id      INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  at_ms       INTEGER NOT NULL,
  from_state  TEXT,                                 -- NULL: the job was made
  to_state    TEXT    NOT NULL,
  what        TEXT    NOT NULL,
  call        TEXT    CHECK (call IN ('identify', 'create', 'query', 'list')),
  http_status INTEGER,
  code        INTEGER,
  request_id  TEXT,
  units_micro INTEGER
) STRICT;

CREATE INDEX event_of_job ON event (job_id, id);

-- The account's tasks that an unresolved job could be, for the person who decides.
CREATE TABLE candidate (
  job_id        INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  task_id       TEXT    NOT NULL,
  status        TEXT    NOT NULL,                   -- as the API spells it
  video         TEXT,                               -- the address or id of its video, as the API tells it
  created_at_ms INTEGER,                            -- by the API's clock
  PRIMARY KEY (job_id, task_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE spend (
  day            TEXT    PRIMARY KEY,               -- UTC, YYYY-MM-DD
  identify_micro INTEGER NOT NULL DEFAULT 0,
  task_micro     INTEGER NOT NULL DEFAULT 0,
  tasks          INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- What is learnt of an account.
CREATE TABLE account (
  name         TEXT    PRIMARY KEY,
  lookups      TEXT    NOT NULL DEFAULT 'unknown' CHECK (lookups IN ('unknown', 'answered', 'unanswered')),
  slots_limit  INTEGER                              -- learnt from 1303; NULL: none lower than configured
) STRICT, WITHOUT ROWID;

-- The state of the line as a whole: one row.
CREATE TABLE line (
  id               INTEGER PRIMARY KEY CHECK (id = 1),
  slots_configured INTEGER NOT NULL DEFAULT 5,
  slots_limit      INTEGER NOT NULL DEFAULT 5,
  cap_micro        INTEGER,
  pause            TEXT    CHECK (pause IN ('person', 'credentials', 'account')),
  pause_reason     TEXT    CHECK ((pause_reason IS NOT NULL) = (pause IS NOT NULL)),
  pause_code       INTEGER,
  pause_since_ms   INTEGER,
  next_probe_at_ms INTEGER,
  hold             TEXT,                            -- why no new task is started, without a pause
  trouble          TEXT,                            -- why the API gives no usable answer, while it does not
  trouble_since_ms INTEGER,
  folder           TEXT,                            -- which folder jobs_dir was, to know an unmounted one
  median_task_ms   INTEGER,
  daemon_pid       INTEGER,
  daemon_since_ms  INTEGER
) STRICT;

INSERT INTO line (id) VALUES (1);

-- The views: what stands for readers.

CREATE VIEW job_overview AS
SELECT
  j.key,
  m.path AS manifest,
  j.state,
  CASE
    WHEN j.state IN ('succeeded', 'failed', 'cancelled') THEN NULL
    WHEN j.state = 'unresolved' THEN 'a decision, for the answer to its create was lost: lipsyncd resolve ' || j.key || ' --task ID | --resend'
    WHEN j.state = 'waiting' AND j.media_missing IS NOT NULL THEN j.media_missing
    WHEN j.state = 'waiting' AND j.due_at_ms > now.ms THEN 'its not_before, ' || strftime('%Y-%m-%dT%H:%M:%fZ', j.due_at_ms / 1000.0, 'unixepoch')
    WHEN j.state = 'waiting' THEN 'its turn, for its not_before has come'
    -- What is the job's own affair, until a time to come.
    WHEN j.waits IS NOT NULL AND j.due_at_ms > now.ms THEN
      j.waits || ' (at ' || strftime('%Y-%m-%dT%H:%M:%fZ', j.due_at_ms / 1000.0, 'unixepoch') || ')'
    -- What is the line's; without credentials it asks nothing, else it only pays nothing.
    WHEN l.pause = 'credentials' OR l.pause IS NOT NULL AND (j.state IN ('queued', 'identified') OR j.state = 'creating' AND j.waits GLOB 'its create to be sent again*') THEN
      'the line, which is paused: ' || l.pause_reason ||
      CASE WHEN instr(l.pause_reason, 'code ' || l.pause_code) = 0 THEN ' (code ' || l.pause_code || ')' ELSE '' END
    WHEN l.hold IS NOT NULL AND (j.state IN ('queued', 'identified') OR j.state = 'creating' AND j.waits GLOB 'its create to be sent again*') THEN l.hold
    WHEN l.trouble IS NOT NULL AND j.state IN ('queued', 'identified') THEN 'the API, which gives no usable answer: ' || l.trouble
    WHEN j.state = 'identified' AND slots.used >= l.slots_limit THEN 'a slot (' || slots.used || ' of ' || l.slots_limit || ' slots in use)'
    WHEN j.state IN ('queued', 'identified') AND j.waits IS NOT NULL THEN j.waits
    WHEN j.state IN ('queued', 'identified') THEN
      CASE j.state WHEN 'queued' THEN 'its turn (' ELSE 'its turn at the pace of limits.create_per_second (' END ||
      slots.used || ' of ' || l.slots_limit || ' slots in use)'
    -- What was sent.
    ELSE
      CASE
        WHEN j.waits IS NOT NULL THEN j.waits
        WHEN j.state = 'creating' THEN 'the answer to its create'
        WHEN j.state = 'submitted' THEN 'Kling to begin task ' || j.task_id
        WHEN j.state = 'processing' THEN 'Kling to finish task ' || j.task_id
        ELSE 'its download'
      END ||
      CASE WHEN l.trouble IS NOT NULL AND j.state <> 'downloading' THEN ', but the API gives no usable answer: ' || l.trouble ELSE '' END
  END AS waiting_for,
  j.attempt AS attempts,
  j.task_id,
  j.external_base || CASE WHEN j.attempt > 1 THEN '-' || j.attempt ELSE '' END AS external_task_id,
  j.units_micro / 1e6 AS units,
  j.output,
  j.error_code,
  j.error,
  j.priority,
  strftime('%Y-%m-%dT%H:%M:%fZ', j.created_at_ms / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', j.updated_at_ms / 1000.0, 'unixepoch') AS updated_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', j.finished_at_ms / 1000.0, 'unixepoch') AS finished_at,
  j.changed_since
FROM job j
JOIN manifest m ON m.id = j.manifest_id
JOIN line l ON l.id = 1
JOIN (SELECT count(*) AS used FROM job WHERE state IN ('creating', 'submitted', 'processing')) slots
JOIN (SELECT (julianday('now') - 2440587.5) * 86400000.0 AS ms) now;

CREATE VIEW job_history AS
SELECT
  j.key,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.at_ms / 1000.0, 'unixepoch') AS at,
  e.from_state,
  e.to_state,
  e.what,
  e.request_id,
  e.call,
  e.http_status,
  e.code,
  e.units_micro / 1e6 AS units
FROM event e
JOIN job j ON j.id = e.job_id
ORDER BY e.id;

CREATE VIEW manifest_overview AS
SELECT
  m.path,
  m.state,
  m.error,
  (SELECT count(*) FROM job WHERE manifest_id = m.id) AS jobs,
  (SELECT count(*) FROM job WHERE manifest_id = m.id AND state = 'succeeded') AS succeeded,
  (SELECT count(*) FROM job WHERE manifest_id = m.id AND state = 'failed') AS failed
FROM manifest m
WHERE m.removed_at_ms IS NULL OR EXISTS (SELECT 1 FROM job WHERE manifest_id = m.id AND state <> 'cancelled');

CREATE VIEW spend_by_day AS
SELECT
  day,
  identify_micro / 1e6 AS identify_units,
  task_micro / 1e6 AS task_units,
  (identify_micro + task_micro) / 1e6 AS units,
  tasks
FROM spend;
