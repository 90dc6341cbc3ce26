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
  removed_at_ms INTEGER,                            -- since when it is not in the folder
  jobs          INTEGER NOT NULL DEFAULT 0,         -- as counted by the triggers below, like the next three
  succeeded     INTEGER NOT NULL DEFAULT 0,
  failed        INTEGER NOT NULL DEFAULT 0,
  cancelled     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX manifest_refused   ON manifest (path)    WHERE state = 'refused' AND removed_at_ms IS NULL;
CREATE INDEX manifest_gone_file ON manifest (file_id) WHERE removed_at_ms IS NOT NULL;

-- The states of jobs: the number by which the history knows each, and how many jobs are in it, as the
-- triggers below count them.
CREATE TABLE state (
  number INTEGER PRIMARY KEY,
  name   TEXT    NOT NULL UNIQUE,
  jobs   INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO state (number, name) VALUES
  (1, 'waiting'), (2, 'queued'), (3, 'identified'), (4, 'creating'), (5, 'submitted'), (6, 'processing'),
  (7, 'downloading'), (8, 'succeeded'), (9, 'failed'), (10, 'cancelled'), (11, 'unresolved');

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

-- Lists in a CHECK are spelled with OR: for IN, a table of its own is made for each row that is written.
CREATE TABLE job (
  id                  INTEGER PRIMARY KEY,
  key                 TEXT    NOT NULL UNIQUE,
  manifest_id         INTEGER NOT NULL REFERENCES manifest (id),
  state               TEXT    NOT NULL CHECK (state = 'waiting' OR state = 'queued' OR state = 'identified'
                        OR state = 'creating' OR state = 'submitted' OR state = 'processing' OR state = 'downloading'
                        OR state = 'succeeded' OR state = 'failed' OR state = 'cancelled' OR state = 'unresolved'),
  revision            INTEGER NOT NULL DEFAULT 0,   -- counts the writes of this row
  attempt             INTEGER NOT NULL DEFAULT 1,
  turn                INTEGER NOT NULL,             -- within one priority, manifests take turns

  -- What the manifest asks.
  name                TEXT,                         -- its id in a batch
  meaning             TEXT    NOT NULL,             -- checksum of what is asked
  video_kind          TEXT    NOT NULL CHECK (video_kind = 'url' OR video_kind = 'file' OR video_kind = 'id'),
  video               TEXT    NOT NULL,
  audio_kind          TEXT    NOT NULL CHECK (audio_kind = 'url' OR audio_kind = 'file' OR audio_kind = 'id'),
  audio               TEXT    NOT NULL,
  face_kind           TEXT    NOT NULL CHECK (face_kind = 'longest' OR face_kind = 'first' OR face_kind = 'only'
                        OR face_kind = 'index' OR face_kind = 'id'),
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
  freed               INTEGER NOT NULL DEFAULT 0,   -- 1: it is cancelled; the triggers below see to it

  CHECK ((finished_at_ms IS NOT NULL) = (state = 'succeeded' OR state = 'failed' OR state = 'cancelled')),
  -- No create without its record, no task without its id, no success without its file.
  CHECK (state <> 'creating' OR first_sent_at_ms IS NOT NULL),
  CHECK (task_id IS NOT NULL OR state <> 'submitted' AND state <> 'processing' AND state <> 'downloading' AND state <> 'succeeded'),
  CHECK (state <> 'succeeded' OR result_sha256 IS NOT NULL)
) STRICT;

-- An index is looked after whenever a statement names a column of it or of its WHERE, whether that
-- changes or not, and `state` is named by every move of a job.

-- What is next: one short walk from the top of the line.
-- What failed and is to be tried again has a walk of its own, by when it is due.
CREATE INDEX job_queued      ON job (priority DESC, turn, id) WHERE state = 'queued' AND due_at_ms = 0;
CREATE INDEX job_delayed     ON job (due_at_ms) WHERE state = 'queued' AND due_at_ms > 0;
CREATE INDEX job_waiting     ON job (due_at_ms) WHERE state = 'waiting';
CREATE INDEX job_state       ON job (state);
CREATE INDEX job_manifest    ON job (manifest_id);
CREATE INDEX job_session     ON job (session_row) WHERE session_row IS NOT NULL;
-- Who a job is that turns up under another name.
CREATE INDEX job_meaning     ON job (meaning);
CREATE INDEX job_wanted      ON job (wanted_meaning) WHERE wanted_meaning IS NOT NULL;
CREATE INDEX job_given_up    ON job (audio, video)   WHERE left_at_ms IS NOT NULL OR wanted_meaning IS NOT NULL;
-- No two jobs may write one file, no two may go by one name at the API; who is cancelled gives both free.
CREATE UNIQUE INDEX job_output   ON job (output) WHERE freed = 0;
CREATE UNIQUE INDEX job_external ON job (external_base) WHERE freed = 0;
CREATE INDEX job_external_freed  ON job (external_base) WHERE freed = 1;
CREATE INDEX job_task            ON job (task_id) WHERE task_id IS NOT NULL;

CREATE TABLE label (
  job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  name   TEXT    NOT NULL,
  value  TEXT    NOT NULL,
  PRIMARY KEY (job_id, name)
) STRICT, WITHOUT ROWID;

-- How what happened is said, where that is said of many jobs.
CREATE TABLE phrase (
  id   INTEGER PRIMARY KEY,
  text TEXT    NOT NULL UNIQUE
) STRICT;

-- What happened: every change of a job, and every answer of the API that did not merely repeat itself.
-- It grows at its end, and is cut off where it begins: what of it is old goes, see `retention`.
CREATE TABLE event (
  id          INTEGER PRIMARY KEY,
  job_id      INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  at_ms       INTEGER NOT NULL,
  from_state  INTEGER,                              -- by its number; NULL: the job was made
  to_state    INTEGER NOT NULL,
  phrase      INTEGER REFERENCES phrase (id),       -- how it is said
  what        TEXT,                                 -- what follows the phrase
  call        INTEGER CHECK (call BETWEEN 1 AND 4), -- identify, create, query, list
  http_status INTEGER,
  code        INTEGER,
  request_id  TEXT,
  units_micro INTEGER
) STRICT;

CREATE INDEX event_of_job ON event (job_id);

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
  daemon_since_ms  INTEGER,
  manifests_accepted INTEGER NOT NULL DEFAULT 0,    -- in the folder; counted by the triggers below
  manifests_refused  INTEGER NOT NULL DEFAULT 0,
  events_seen        INTEGER NOT NULL DEFAULT 0,    -- retention has looked through `event` up to here
  sessions_seen      INTEGER NOT NULL DEFAULT 0     -- and through `session`
) STRICT;

INSERT INTO line (id) VALUES (1);

-- Below here nothing is kept: the triggers that count, and the views, which are what stands for readers.
-- The counts are true whoever writes, and be it a person by SQL; only new jobs are counted by lipsyncd itself.

CREATE TRIGGER job_moved AFTER UPDATE OF state ON job WHEN OLD.state <> NEW.state BEGIN
  UPDATE state SET jobs = jobs - 1 WHERE name = OLD.state;
  UPDATE state SET jobs = jobs + 1 WHERE name = NEW.state;
END;

CREATE TRIGGER job_freed AFTER UPDATE OF state ON job WHEN (NEW.state = 'cancelled') <> NEW.freed BEGIN
  UPDATE job SET freed = (NEW.state = 'cancelled') WHERE id = NEW.id;
END;

CREATE TRIGGER job_of_manifest AFTER UPDATE OF state, manifest_id ON job
WHEN OLD.manifest_id <> NEW.manifest_id
  OR OLD.state <> NEW.state AND (OLD.finished_at_ms IS NOT NULL OR NEW.finished_at_ms IS NOT NULL)
BEGIN
  UPDATE manifest SET
    jobs = jobs - 1, succeeded = succeeded - (OLD.state = 'succeeded'), failed = failed - (OLD.state = 'failed'),
    cancelled = cancelled - (OLD.state = 'cancelled')
  WHERE id = OLD.manifest_id;
  UPDATE manifest SET
    jobs = jobs + 1, succeeded = succeeded + (NEW.state = 'succeeded'), failed = failed + (NEW.state = 'failed'),
    cancelled = cancelled + (NEW.state = 'cancelled')
  WHERE id = NEW.manifest_id;
END;

CREATE TRIGGER job_deleted AFTER DELETE ON job BEGIN
  UPDATE state SET jobs = jobs - 1 WHERE name = OLD.state;
  UPDATE manifest SET
    jobs = jobs - 1, succeeded = succeeded - (OLD.state = 'succeeded'), failed = failed - (OLD.state = 'failed'),
    cancelled = cancelled - (OLD.state = 'cancelled')
  WHERE id = OLD.manifest_id;
END;

CREATE TRIGGER manifest_made AFTER INSERT ON manifest WHEN NEW.removed_at_ms IS NULL BEGIN
  UPDATE line SET
    manifests_accepted = manifests_accepted + (NEW.state = 'accepted'),
    manifests_refused = manifests_refused + (NEW.state = 'refused');
END;

CREATE TRIGGER manifest_changed AFTER UPDATE OF state, removed_at_ms ON manifest
WHEN OLD.state <> NEW.state OR (OLD.removed_at_ms IS NULL) <> (NEW.removed_at_ms IS NULL)
BEGIN
  UPDATE line SET
    manifests_accepted = manifests_accepted + (NEW.state = 'accepted' AND NEW.removed_at_ms IS NULL)
      - (OLD.state = 'accepted' AND OLD.removed_at_ms IS NULL),
    manifests_refused = manifests_refused + (NEW.state = 'refused' AND NEW.removed_at_ms IS NULL)
      - (OLD.state = 'refused' AND OLD.removed_at_ms IS NULL);
END;

CREATE TRIGGER manifest_deleted AFTER DELETE ON manifest WHEN OLD.removed_at_ms IS NULL BEGIN
  UPDATE line SET
    manifests_accepted = manifests_accepted - (OLD.state = 'accepted'),
    manifests_refused = manifests_refused - (OLD.state = 'refused');
END;

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
JOIN (SELECT sum(jobs) AS used FROM state WHERE name IN ('creating', 'submitted', 'processing')) slots
JOIN (SELECT (julianday('now') - 2440587.5) * 86400000.0 AS ms) now;

CREATE VIEW job_history AS
SELECT
  j.key,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.at_ms / 1000.0, 'unixepoch') AS at,
  (SELECT name FROM state WHERE number = e.from_state) AS from_state,
  (SELECT name FROM state WHERE number = e.to_state) AS to_state,
  coalesce((SELECT text FROM phrase WHERE id = e.phrase), '') || coalesce(e.what, '') AS what,
  e.request_id,
  CASE e.call WHEN 1 THEN 'identify' WHEN 2 THEN 'create' WHEN 3 THEN 'query' WHEN 4 THEN 'list' END AS call,
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
  m.jobs,
  m.succeeded,
  m.failed
FROM manifest m
WHERE m.removed_at_ms IS NULL OR m.jobs > m.cancelled;

CREATE VIEW spend_by_day AS
SELECT
  day,
  identify_micro / 1e6 AS identify_units,
  task_micro / 1e6 AS task_units,
  (identify_micro + task_micro) / 1e6 AS units,
  tasks
FROM spend;
