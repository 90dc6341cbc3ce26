-- The state database of lipsyncd, version 1 (`PRAGMA user_version`).
--
-- Read the seven views at the end: they are the stable interface. The tables may change between versions.
-- All values are text or numbers, except `result_sha256`, `delivered_sha256` and `session.video`: these are bytes, which
-- `lower(hex(…))` shows. Times are UTC, in ms since 1970 (`*_at_ms`, `*_since_ms`). Units and money are stored in millionths (`*_micro`).
--
--   manifest (a file) ──< job (key, output, labels) >── task (one request and one take: what is paid)

-- One row per manifest that was ever read. A manifest that is removed from the folder keeps its row and its jobs.
CREATE TABLE manifest (
  id            INTEGER PRIMARY KEY,
  path          TEXT    NOT NULL UNIQUE,            -- under jobs_dir, parts joined by '/'
  state         TEXT    NOT NULL CHECK (state IN ('accepted', 'refused')),
  error         TEXT    CHECK ((error IS NOT NULL) = (state = 'refused')),
  file_stamp    TEXT    NOT NULL,                   -- inode, size and times of the file when it was read; '' makes the daemon read it again
  seen_at_ms    INTEGER NOT NULL,
  removed_at_ms INTEGER,                            -- when a scan first missed the file; NULL: it is in the folder
  jobs          INTEGER NOT NULL DEFAULT 0,         -- counted by the triggers below, like the next four columns
  succeeded     INTEGER NOT NULL DEFAULT 0,
  failed        INTEGER NOT NULL DEFAULT 0,
  cancelled     INTEGER NOT NULL DEFAULT 0,
  unresolved    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX manifest_refused ON manifest (path) WHERE state = 'refused' AND removed_at_ms IS NULL;

-- The states of jobs, with the number that `event` stores and the count of jobs, which the triggers below keep.
CREATE TABLE state (
  name   TEXT    PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  jobs   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

INSERT INTO state (number, name) VALUES
  (1, 'waiting'), (2, 'queued'), (3, 'identified'), (4, 'creating'), (5, 'submitted'), (6, 'processing'),
  (7, 'downloading'), (8, 'succeeded'), (9, 'failed'), (10, 'cancelled'), (11, 'unresolved');

-- One answer of Identify Face, shared by all tasks of the video.
CREATE TABLE session (
  id               INTEGER PRIMARY KEY,
  video            BLOB    NOT NULL,                -- digest of the account, and of the URL, content hash or id of the video
  session_id       TEXT    NOT NULL,
  identified_at_ms INTEGER NOT NULL,
  expires_at_ms    INTEGER NOT NULL
) STRICT;

CREATE INDEX session_of_video ON session (video);

-- The faces of a session.
CREATE TABLE face (
  session_row INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  place       INTEGER NOT NULL,                     -- index in the API's list, from 0
  face_id     TEXT    NOT NULL,
  start_ms    INTEGER NOT NULL,
  end_ms      INTEGER NOT NULL,
  PRIMARY KEY (session_row, place)
) STRICT, WITHOUT ROWID;

-- A task is what is paid: one request and one take. Tasks are never deleted: they are the ledger.
-- CHECKs use OR, because SQLite builds a temporary table for IN on each write.
CREATE TABLE task (
  id                  INTEGER PRIMARY KEY,
  request_hash        TEXT    NOT NULL,             -- digest of everything that decides what Kling makes
  take                INTEGER NOT NULL CHECK (take BETWEEN 1 AND 99),
  state               TEXT    NOT NULL CHECK (state = 'waiting' OR state = 'queued' OR state = 'identified'
                        OR state = 'creating' OR state = 'submitted' OR state = 'processing' OR state = 'downloading'
                        OR state = 'succeeded' OR state = 'failed' OR state = 'cancelled' OR state = 'unresolved'),
  revision            INTEGER NOT NULL DEFAULT 0,   -- counts the writes of this row
  lead_job            INTEGER NOT NULL REFERENCES job (id) DEFERRABLE INITIALLY DEFERRED, -- the job that gets the result first
  priority            INTEGER NOT NULL,             -- the highest priority of its jobs
  not_before_at_ms    INTEGER,                      -- the earliest not_before of its jobs
  turn                INTEGER NOT NULL,             -- order within one priority, in which manifests take turns

  -- The request, as the lead job makes it.
  media_dir           TEXT    NOT NULL,             -- folder of the manifest, where local paths start
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
  own_task_id         TEXT,                         -- external_task_id, if the manifest has one
  audio_ms            INTEGER,
  audio_stamp         TEXT,
  audio_sha256        TEXT,
  video_ms            INTEGER,
  video_stamp         TEXT,
  video_sha256        TEXT,
  video_url           TEXT,                         -- URL of a local video for the API

  -- Its progress.
  own_take_id         TEXT,                         -- own_task_id with the take (`mine-2`), as it was when the task was new; NULL: the manifest had none
  external_task_id    TEXT    AS (coalesce(own_take_id, 'lipsyncd-' || request_hash || CASE WHEN take > 1 THEN '-' || take ELSE '' END)), -- its name at Kling
  due_at_ms           INTEGER NOT NULL DEFAULT 0,   -- when its next step is due; 0: at once
  tries               INTEGER NOT NULL DEFAULT 0,   -- failed tries of the current step, in a row
  failing_since_ms    INTEGER,                      -- when the first of these tries failed
  sessions_lost       INTEGER NOT NULL DEFAULT 0,   -- young sessions that Kling no longer accepted
  sessions_after_ms   INTEGER NOT NULL DEFAULT 0,   -- older sessions are not used
  wait_reason         TEXT,                         -- why this task waits, if the reason concerns no other task
  may_resend          INTEGER NOT NULL DEFAULT 0 CHECK (may_resend IN (0, 1)), -- 1: Kling has no task of the create request, which may be sent again
  output_blocked      INTEGER NOT NULL DEFAULT 0 CHECK (output_blocked IN (0, 1)), -- 1: it waits because the output file cannot be written
  session_row         INTEGER REFERENCES session (id),
  face_id             TEXT,
  plan_start_ms       INTEGER,
  plan_end_ms         INTEGER,
  plan_insert_ms      INTEGER,
  slot_released          INTEGER NOT NULL DEFAULT 0 CHECK (slot_released IN (0, 1)), -- 1: it holds no slot, because Kling has not shown it for long
  resend              TEXT    CHECK (resend = 'checked' OR resend = 'sure'), -- decision of a person that Kling has no task; see `resolve --resend`
  account_row         INTEGER REFERENCES account (id), -- host and key of the create request
  first_sent_at_ms    INTEGER,                      -- recorded just before the create request is sent
  sent_at_ms          INTEGER,                      -- the same for the last send
  sends               INTEGER,                      -- how often the create request was sent
  create_answer       TEXT    CHECK (create_answer = 'name_exists' OR create_answer = 'session_gone' OR create_answer = 'maybe_session_gone' OR create_answer = 'refused'),
  create_error_code   TEXT,                         -- error of the last send, while Kling has not accepted it
  create_error        TEXT,
  listed_at_ms        INTEGER,                      -- when the account's task list was read far enough, while the outcome is unknown
  task_id             TEXT,                         -- Kling's id of the accepted task
  units_micro         INTEGER NOT NULL DEFAULT 0,   -- what Kling charged for it
  money_micro         INTEGER NOT NULL DEFAULT 0,   -- the same for accounts that pay from a balance
  error_code          TEXT,
  error               TEXT,
  error_reason        TEXT,                         -- the error without ids and numbers
  result_bytes        INTEGER,
  result_sha256       BLOB,
  result_ms           INTEGER,

  created_at_ms       INTEGER NOT NULL,
  updated_at_ms       INTEGER NOT NULL,
  ended_at_ms         INTEGER,

  UNIQUE (request_hash, take),
  CHECK ((ended_at_ms IS NOT NULL) = (state = 'succeeded' OR state = 'failed' OR state = 'cancelled')),
  -- Every create request has its record, every accepted task its id, every success its file.
  CHECK (state <> 'creating' OR first_sent_at_ms IS NOT NULL),
  CHECK (first_sent_at_ms IS NULL OR state <> 'waiting' AND state <> 'queued' AND state <> 'identified' AND state <> 'cancelled'),
  CHECK (task_id IS NOT NULL OR state <> 'submitted' AND state <> 'processing' AND state <> 'downloading' AND state <> 'succeeded'),
  CHECK (state <> 'succeeded' OR result_sha256 IS NOT NULL)
) STRICT;

-- SQLite updates an index when a statement names a column of the index or of its WHERE, even if the value stays
-- the same. Every transition names `state`.
CREATE INDEX task_queued   ON task (priority DESC, turn, id) WHERE state = 'queued' AND due_at_ms = 0;
CREATE INDEX task_delayed  ON task (due_at_ms) WHERE state = 'queued' AND due_at_ms > 0;
CREATE INDEX task_waiting  ON task (due_at_ms) WHERE state = 'waiting';
CREATE INDEX task_state    ON task (state);
CREATE INDEX task_lead     ON task (lead_job);
CREATE INDEX task_session  ON task (session_row) WHERE session_row IS NOT NULL;
CREATE INDEX task_own_name ON task (own_task_id) WHERE own_task_id IS NOT NULL;
CREATE INDEX task_own_take ON task (own_take_id) WHERE own_take_id IS NOT NULL;
-- For those who download a local video from lipsyncd itself.
CREATE INDEX task_video    ON task (video_sha256) WHERE video_kind = 'file';
-- Two tasks of this database are never the same task at Kling.
CREATE UNIQUE INDEX task_id_at_kling ON task (task_id) WHERE task_id IS NOT NULL;

-- A job is one entry of a manifest. Jobs with the same request and take share one task.
CREATE TABLE job (
  id                  INTEGER PRIMARY KEY,
  key                 TEXT    NOT NULL UNIQUE,
  manifest_id         INTEGER NOT NULL REFERENCES manifest (id),
  state               TEXT    NOT NULL CHECK (state = 'waiting' OR state = 'queued' OR state = 'identified'
                        OR state = 'creating' OR state = 'submitted' OR state = 'processing' OR state = 'downloading'
                        OR state = 'succeeded' OR state = 'failed' OR state = 'cancelled' OR state = 'unresolved'),
  state_since_ms      INTEGER NOT NULL,
  revision            INTEGER NOT NULL DEFAULT 0,   -- counts the writes of this row
  task_row            INTEGER REFERENCES task (id), -- NULL: it waits for its media, has failed, or was cancelled
  earlier_task_row    INTEGER REFERENCES task (id), -- its task before a retry, to which `cancel` returns

  -- What the manifest asks for now.
  name                TEXT,                         -- its `id` in a batch
  spec_hash           TEXT    NOT NULL,             -- digest of all its keys
  request_hash        TEXT,                         -- digest of everything that decides the result; NULL: media not read yet
  take                INTEGER,                      -- `take` of the manifest
  retry_take          INTEGER,                      -- the take that `retry` asked for; an edit of request or take removes it
  video_kind          TEXT    NOT NULL,
  video               TEXT    NOT NULL,
  audio_kind          TEXT    NOT NULL,
  audio               TEXT    NOT NULL,
  face_kind           TEXT    NOT NULL,
  face                TEXT,
  sound_start_ms      INTEGER NOT NULL,
  sound_end_ms        INTEGER,
  sound_insert_ms     INTEGER,
  sound_volume        REAL    NOT NULL,
  original_audio_volume REAL  NOT NULL,
  watermark           INTEGER NOT NULL CHECK (watermark IN (0, 1)),
  callback_url        TEXT,
  own_task_id         TEXT,
  named_output        TEXT,                         -- the output path in the manifest; NULL: KEY.mp4
  asked_output        TEXT    AS (coalesce(named_output, key || '.mp4')), -- the output path that the manifest asks for
  priority            INTEGER NOT NULL,
  not_before_at_ms    INTEGER,
  changed_after_sent  INTEGER NOT NULL DEFAULT 0 CHECK (changed_after_sent IN (0, 1)),
  dismissed           INTEGER NOT NULL DEFAULT 0 CHECK (dismissed IN (0, 1)),
  absent_since_ms     INTEGER,                      -- when a scan first missed it; NULL: it is in the folder
  orphaned_at_ms          INTEGER,                      -- when it was orphaned: removed for longer than watch.rescan_interval

  -- Its media.
  media_wait_reason       TEXT,                         -- why it waits without a task; NULL: its media are complete
  audio_ms            INTEGER,
  audio_stamp         TEXT,                         -- device, inode, size and times of the file
  audio_sha256        TEXT,
  video_ms            INTEGER,
  video_stamp         TEXT,
  video_sha256        TEXT,
  video_url           TEXT,

  -- Its own file.
  other_output        TEXT,                         -- where its file is, or will be, if not at asked_output
  output              TEXT    AS (coalesce(other_output, asked_output)), -- where its file is, or will be
  due_at_ms           INTEGER,                      -- when its delivery is due; NULL: its task has no result, or the file is delivered
  tries               INTEGER NOT NULL DEFAULT 0,   -- of its delivery, like the next three columns
  failing_since_ms    INTEGER,
  wait_reason         TEXT,
  output_blocked      INTEGER NOT NULL DEFAULT 0 CHECK (output_blocked IN (0, 1)), -- 1: it waits because the output file cannot be written
  delivered_sha256    BLOB,
  delivered_bytes     INTEGER,
  verdict             TEXT    CHECK (verdict = 'approved' OR verdict = 'rejected'), -- on its file; the triggers below keep it
  error_code          TEXT,                         -- of the job alone; a failed task has its own
  error               TEXT,
  error_reason        TEXT,

  created_at_ms       INTEGER NOT NULL,
  updated_at_ms       INTEGER NOT NULL,
  finished_at_ms      INTEGER,

  CHECK ((finished_at_ms IS NOT NULL) = (state = 'succeeded' OR state = 'failed' OR state = 'cancelled')),
  CHECK (state <> 'succeeded' OR delivered_sha256 IS NOT NULL),
  CHECK (task_row IS NOT NULL OR state = 'waiting' OR state = 'failed' OR state = 'cancelled')
) STRICT;

CREATE INDEX job_state    ON job (state);
CREATE INDEX job_due      ON job (due_at_ms) WHERE due_at_ms IS NOT NULL;
CREATE INDEX job_manifest ON job (manifest_id);
CREATE INDEX job_since    ON job (state_since_ms);
-- The jobs of a task, first those in the folder: NULL sorts first.
CREATE INDEX job_task     ON job (task_row, absent_since_ms) WHERE task_row IS NOT NULL;
CREATE INDEX job_earlier  ON job (earlier_task_row) WHERE earlier_task_row IS NOT NULL;
-- Missing jobs by request: a new key with the same request is the same job.
CREATE INDEX job_gone     ON job (request_hash) WHERE absent_since_ms IS NOT NULL;
CREATE INDEX job_absent   ON job (absent_since_ms) WHERE absent_since_ms IS NOT NULL AND orphaned_at_ms IS NULL;
-- Outputs that are named by the key are found by the key.
CREATE INDEX job_output   ON job (named_output) WHERE named_output IS NOT NULL;
CREATE INDEX job_local    ON job (id) WHERE audio_kind = 'file' OR video_kind = 'file';
CREATE INDEX job_changed  ON job (id) WHERE changed_after_sent = 1;
CREATE INDEX job_dismissed ON job (id) WHERE dismissed = 1;
CREATE INDEX job_verdict  ON job (coalesce(verdict, 'none')) WHERE state = 'succeeded';

-- What people think of results. A verdict is about the bytes that the person saw. Another take has none yet, and neither has a
-- result that was fetched again with other bytes. Jobs that share a task have the same result, and so the same verdict.
CREATE TABLE verdict (
  task_row      INTEGER NOT NULL REFERENCES task (id),
  result_sha256 BLOB    NOT NULL,
  verdict       TEXT    CHECK (verdict = 'approved' OR verdict = 'rejected'), -- NULL: it was withdrawn
  note          TEXT,
  given_at_ms   INTEGER NOT NULL,
  revision      INTEGER NOT NULL DEFAULT 1,         -- counts what the metadata files must show
  stored        INTEGER NOT NULL DEFAULT 0,         -- the revision that the metadata files show
  PRIMARY KEY (task_row, result_sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX verdict_unstored ON verdict (given_at_ms) WHERE stored <> revision;

-- Watermarked copies that jobs with a result still lack. A job does not wait for them.
CREATE TABLE missing_watermark (
  job_id        INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
  task_row      INTEGER NOT NULL REFERENCES task (id), -- the row counts only while the job points to this task
  due_at_ms     INTEGER,                            -- when the next try is due; NULL: Kling no longer has the copy
  tries         INTEGER NOT NULL DEFAULT 0,         -- failed tries
  referer_tried INTEGER NOT NULL DEFAULT 0 CHECK (referer_tried IN (0, 1)), -- 1: a download with a Referer was tried
  reason        TEXT                                -- why the last try failed; NULL: none was made
) STRICT;

CREATE INDEX missing_watermark_due ON missing_watermark (due_at_ms) WHERE due_at_ms IS NOT NULL;

-- Downloads that arrived in full and are no complete video. The same bytes three times in a row are kept on disk.
CREATE TABLE incomplete_download (
  task_row   INTEGER NOT NULL REFERENCES task (id),
  video      TEXT    NOT NULL CHECK (video IN ('result', 'watermark')),
  sha256     TEXT    NOT NULL,
  bytes      INTEGER NOT NULL,
  etag       TEXT,                                  -- of the file at the server
  times      INTEGER NOT NULL,                      -- how often exactly these bytes arrived, in a row
  last_at_ms INTEGER NOT NULL,                      -- when they arrived last
  kept_path   TEXT,                                 -- the file that is kept, maybe of earlier bytes
  kept_sha256 TEXT,
  kept_bytes  INTEGER,
  PRIMARY KEY (task_row, video)
) STRICT, WITHOUT ROWID;

CREATE TABLE label (
  job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  name   TEXT    NOT NULL,
  value  TEXT    NOT NULL,
  PRIMARY KEY (job_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX label_value ON label (name, value);

-- The beginnings of sentences that many rows of `event` share.
CREATE TABLE history_text (
  id   INTEGER PRIMARY KEY,
  text TEXT    NOT NULL UNIQUE
) STRICT;

-- The history: every change of a job, and every answer of the API that differs from the one before.
-- Rows are added at the end. Rows of jobs that ended long ago are deleted, see `retention.history`.
CREATE TABLE event (
  id          INTEGER PRIMARY KEY,
  job_id      INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  at_ms       INTEGER NOT NULL,
  from_state  INTEGER,                              -- number of the state; NULL: the job is new
  to_state    INTEGER NOT NULL,
  text_row    INTEGER REFERENCES history_text (id), -- beginning of the sentence
  what        TEXT,                                 -- the rest of the sentence
  call        INTEGER CHECK (call BETWEEN 1 AND 4), -- 1 identify, 2 create, 3 query, 4 list
  http_status INTEGER,
  code        INTEGER,
  request_id  TEXT,
  units_micro INTEGER,
  money_micro INTEGER
) STRICT;

CREATE INDEX event_of_job ON event (job_id);

-- Tasks at Kling that may belong to a task whose create request has an unknown outcome. A person decides.
CREATE TABLE candidate (
  task_row      INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
  task_id       TEXT    NOT NULL,
  status        TEXT    NOT NULL,                   -- as the API reports it
  video         TEXT,                               -- URL or id of its video, as the API reports it
  created_at_ms INTEGER,                            -- by the API's clock
  PRIMARY KEY (task_row, task_id)
) STRICT, WITHOUT ROWID;

-- Local videos that are being uploaded, and those that the bucket has. Emptied when the daemon starts.
CREATE TABLE upload (
  video_sha256 TEXT    PRIMARY KEY,
  sent_bytes   INTEGER NOT NULL,
  bytes        INTEGER NOT NULL,
  stored_at_ms INTEGER                              -- when the bucket was seen to have it; NULL: the upload is in progress
) STRICT, WITHOUT ROWID;

CREATE INDEX upload_running ON upload (video_sha256) WHERE stored_at_ms IS NULL;
CREATE INDEX upload_stored  ON upload (stored_at_ms) WHERE stored_at_ms IS NOT NULL;

-- Units and money per UTC day. A task belongs to the day of its create request.
CREATE TABLE spend (
  day                  TEXT    PRIMARY KEY,         -- UTC, YYYY-MM-DD
  identify_micro       INTEGER NOT NULL DEFAULT 0,
  task_micro           INTEGER NOT NULL DEFAULT 0,
  identify_money_micro INTEGER NOT NULL DEFAULT 0,
  task_money_micro     INTEGER NOT NULL DEFAULT 0,
  tasks                INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- What lipsyncd learned about an account through one key at one host. Two keys may belong to one account.
CREATE TABLE account (
  id           INTEGER PRIMARY KEY,
  host         TEXT    NOT NULL,                    -- of kling.base_url
  key          TEXT    NOT NULL,                    -- a name of the key, not the key itself
  lookups      TEXT    NOT NULL DEFAULT 'unknown'   -- the form of lookups by name that it answers
               CHECK (lookups IN ('unknown', 'path', 'query', 'flag', 'unanswered')),
  slots_limit  INTEGER,                             -- learned from code 1303; NULL: as configured
  packs_asked_at_ms INTEGER,                        -- when the API was asked for the resource packs; NULL: never
  packs_at_ms  INTEGER,                             -- when it showed them last
  packs_problem TEXT,                               -- why it did not show them when it was asked; NULL: it did
  identify_units_micro INTEGER,                     -- what the last Identify Face call cost; NULL: unknown
  identify_money_micro INTEGER,
  UNIQUE (host, key)
) STRICT;

-- The resource packs of an account, as the API showed them last. Its figures lag by up to 12 h.
CREATE TABLE resource_pack (
  account_row     INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  place           INTEGER NOT NULL,                 -- in the API's list, from 0
  name            TEXT,
  kind            TEXT,                             -- decreasing_total, constant_period
  total_micro     INTEGER,
  remaining_micro INTEGER,
  effective_at_ms INTEGER,
  invalid_at_ms   INTEGER,                          -- when it ends
  status          TEXT,                             -- toBeOnline, online, expired, runOut
  PRIMARY KEY (account_row, place)
) STRICT, WITHOUT ROWID;

-- What the last task of a length cost, from which the price of later tasks is learned.
CREATE TABLE price (
  account_row INTEGER NOT NULL REFERENCES account (id),
  audio_steps INTEGER NOT NULL,                     -- started 5 s of the audio that was used
  video_steps INTEGER NOT NULL,                     -- started 5 s of the video; 0: its length is unknown
  units_micro INTEGER NOT NULL,
  money_micro INTEGER NOT NULL,
  tasks       INTEGER NOT NULL,                     -- how many tasks in a row cost that
  PRIMARY KEY (account_row, audio_steps, video_steps)
) STRICT, WITHOUT ROWID;

-- The state of the daemon and its queue: one row.
CREATE TABLE daemon_state (
  id               INTEGER PRIMARY KEY CHECK (id = 1),
  slots_configured INTEGER NOT NULL DEFAULT 5,
  slots_limit      INTEGER NOT NULL DEFAULT 5,
  cap_micro        INTEGER,                         -- limits.units_per_day
  money_cap_micro  INTEGER,                         -- limits.money_per_day
  account_row      INTEGER REFERENCES account (id), -- the account that the daemon uses
  pause            TEXT    CHECK (pause IN ('person', 'credentials', 'account')),
  pause_reason     TEXT    CHECK ((pause_reason IS NOT NULL) = (pause IS NOT NULL)),
  pause_code       INTEGER,
  pause_since_ms   INTEGER,
  next_probe_at_ms INTEGER,
  rate_limit_code  INTEGER,                         -- why calls rest until the times below; NULL: no code
  paid_rest_until_ms INTEGER,                       -- Identify Face and Create Task rest until then; NULL: they did not rest
  query_rest_until_ms INTEGER,                      -- the same for queries
  rate_limit_since_ms INTEGER,                      -- the first refusal since calls were last not limited for a minute
  rate_limit_times INTEGER,                         -- how many refusals there were since then
  speed_limit      TEXT    CHECK (speed_limit IN ('slots', 'api', 'identify_rate', 'create_rate', 'query_rate', 'uploads', 'downloads')), -- what limits how fast jobs finish; NULL: nothing
  identify_limit   TEXT,                            -- what limits how fast videos are identified; NULL: nothing
  create_limit     TEXT,                            -- what limits how fast create requests are sent, beside slots; NULL: nothing
  download_limit   TEXT,                            -- what limits how fast results are downloaded; NULL: nothing
  hold             TEXT,                            -- why no new task is started although the queue is not paused
  hold_kind        TEXT    CHECK (hold_kind IN ('budget', 'price')), -- budget: a daily cap; price: the price of the next task is unknown
  hold_until_ms    INTEGER,                         -- when the hold ends at the latest
  api_problem      TEXT,                            -- why the API gives no usable answer; NULL: it does
  api_problem_since_ms INTEGER,
  upload_problem   TEXT,                            -- why the bucket takes no videos; NULL: it does, or nothing is known
  upload_problem_since_ms INTEGER,
  uploads_limit    INTEGER,                         -- upload.concurrency; NULL: local videos are not uploaded
  scanning         INTEGER NOT NULL DEFAULT 0 CHECK (scanning IN (0, 1)), -- 1: the first complete scan since the start is not done
  folder           TEXT,                            -- identity of jobs_dir, to recognise an unmounted folder
  folder_problem   TEXT,                            -- why jobs_dir cannot be scanned; NULL: it can
  unreadable_folders INTEGER NOT NULL DEFAULT 0,    -- folders in jobs_dir that cannot be read
  unreadable_folder TEXT,                           -- the first of them, ending in '/'
  unreadable_reason TEXT,                           -- why it cannot be read
  video_server_problem TEXT,                        -- why local videos cannot be served (media.serve); NULL: they can, or they are not served
  result_hosts_problem TEXT,                        -- why results may not be downloaded from here; NULL: nothing is known
  median_task_ms   INTEGER,
  daemon_pid       INTEGER,
  daemon_since_ms  INTEGER,
  manifests_accepted INTEGER NOT NULL DEFAULT 0,    -- manifests in the folder, counted by the triggers below
  manifests_refused  INTEGER NOT NULL DEFAULT 0,
  events_seen        INTEGER NOT NULL DEFAULT 0,    -- retention has checked `event` up to this row
  sessions_seen      INTEGER NOT NULL DEFAULT 0     -- the same for `session`
) STRICT;

INSERT INTO daemon_state (id) VALUES (1);

-- How many jobs finished in each 10 s of the last hour, from which `status` computes the rate.
CREATE TABLE finished (
  at_10s INTEGER PRIMARY KEY,                       -- 10 s since 1970
  jobs   INTEGER NOT NULL
) STRICT;

-- Messages about what happened, for the targets of `notify` in the configuration. Triggers write them in the transaction
-- of the change, whatever program changes something. The daemon sends them.

-- The events that each target wants: written at each start and reload. Without rows the triggers write no messages.
CREATE TABLE notify_event (
  event  TEXT    NOT NULL CHECK (event IN ('manifest.finished', 'manifest.error', 'jobs.failed', 'job.unresolved',
           'job.succeeded', 'queue.paused', 'queue.resumed', 'budget.reached')),
  target INTEGER NOT NULL,                          -- its place in the list `notify`, from 1
  PRIMARY KEY (event, target)
) STRICT, WITHOUT ROWID;

-- One row per message and target.
CREATE TABLE notification (
  id              INTEGER PRIMARY KEY,
  message_id      TEXT    NOT NULL DEFAULT ('msg_' || lower(hex(randomblob(16)))), -- the same at each try: `webhook-id`
  target          INTEGER NOT NULL,
  event           TEXT    NOT NULL,
  at_ms           INTEGER NOT NULL,                 -- when it happened; for `jobs.failed`: when the first of these jobs failed
  -- What the message is about. Each event uses some of these columns.
  manifest        TEXT,
  job             TEXT,                             -- the job's key
  output          TEXT,
  task_id         TEXT,
  jobs            INTEGER,                          -- for `manifest.finished`: this and the next three at the first try
  succeeded       INTEGER,
  failed          INTEGER,
  cancelled       INTEGER,
  paused_by       TEXT,
  code            INTEGER,
  reason          TEXT,
  cap_micro       INTEGER,
  money_cap_micro INTEGER,
  -- How it is sent.
  state           TEXT    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dead')), -- dead: tried for a day, not sent
  due_at_ms       INTEGER NOT NULL,                 -- when the next try is due
  tries           INTEGER NOT NULL DEFAULT 0,
  first_try_at_ms INTEGER,
  ended_at_ms     INTEGER CHECK ((ended_at_ms IS NOT NULL) = (state <> 'waiting')),
  problem         TEXT                              -- why the last try failed
) STRICT;

CREATE INDEX notification_due     ON notification (target, due_at_ms) WHERE state = 'waiting';
CREATE INDEX notification_problem ON notification (id) WHERE state = 'dead' OR state = 'waiting' AND problem IS NOT NULL;
CREATE INDEX notification_ended   ON notification (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
-- The `jobs.failed` messages of a target that were tried. More jobs join a message until its first try.
CREATE INDEX notification_failed  ON notification (target, state, ended_at_ms) WHERE event = 'jobs.failed' AND tries > 0;
CREATE UNIQUE INDEX notification_group ON notification (target) WHERE event = 'jobs.failed' AND state = 'waiting' AND tries = 0;
-- A manifest that ended, was continued and ended again before the message was sent has one message.
CREATE UNIQUE INDEX notification_finished ON notification (manifest, target) WHERE event = 'manifest.finished' AND state = 'waiting' AND tries = 0;

-- The jobs of a `jobs.failed` message by code and reason.
CREATE TABLE notification_failure (
  notification_id INTEGER NOT NULL REFERENCES notification (id) ON DELETE CASCADE,
  error_code      TEXT    NOT NULL,
  reason          TEXT    NOT NULL,                 -- without ids and numbers
  jobs            INTEGER NOT NULL,
  example_key     TEXT    NOT NULL,
  PRIMARY KEY (notification_id, error_code, reason)
) STRICT, WITHOUT ROWID;

-- The triggers keep the counts correct for every writer, also for a person who uses SQL. lipsyncd itself counts
-- new jobs: a trigger on the insert would make SQLite copy every page that the insert touches. A trigger costs time
-- even if its WHEN is false. So the triggers for ends name `finished_at_ms`, which most changes of the state leave alone.

CREATE TRIGGER job_state_changed AFTER UPDATE OF state ON job WHEN OLD.state <> NEW.state BEGIN
  UPDATE state SET jobs = jobs - 1 WHERE name = OLD.state;
  UPDATE state SET jobs = jobs + 1 WHERE name = NEW.state;
END;

-- A job that fails before it is queued says nothing about the rate.
CREATE TRIGGER job_finished AFTER UPDATE OF finished_at_ms ON job
WHEN OLD.state <> NEW.state AND OLD.state <> 'waiting' AND (NEW.state = 'succeeded' OR NEW.state = 'failed')
BEGIN
  INSERT INTO finished (at_10s, jobs) VALUES (NEW.finished_at_ms / 10000, 1)
  ON CONFLICT (at_10s) DO UPDATE SET jobs = jobs + 1;
  DELETE FROM finished WHERE at_10s < NEW.finished_at_ms / 10000 - 360;
END;

CREATE TRIGGER job_counts_of_manifest AFTER UPDATE OF state, manifest_id ON job
WHEN OLD.manifest_id <> NEW.manifest_id
  OR OLD.state <> NEW.state AND (OLD.finished_at_ms IS NOT NULL OR NEW.finished_at_ms IS NOT NULL
    OR OLD.state = 'unresolved' OR NEW.state = 'unresolved')
BEGIN
  UPDATE manifest SET
    jobs = jobs - 1, succeeded = succeeded - (OLD.state = 'succeeded'), failed = failed - (OLD.state = 'failed'),
    cancelled = cancelled - (OLD.state = 'cancelled'), unresolved = unresolved - (OLD.state = 'unresolved')
  WHERE id = OLD.manifest_id;
  UPDATE manifest SET
    jobs = jobs + 1, succeeded = succeeded + (NEW.state = 'succeeded'), failed = failed + (NEW.state = 'failed'),
    cancelled = cancelled + (NEW.state = 'cancelled'), unresolved = unresolved + (NEW.state = 'unresolved')
  WHERE id = NEW.manifest_id;
  INSERT INTO notification (target, event, at_ms, due_at_ms, manifest, job, output, task_id, reason)
  SELECT e.target, e.event, NEW.updated_at_ms, NEW.updated_at_ms, (SELECT path FROM manifest WHERE id = NEW.manifest_id),
    NEW.key, NEW.output, t.task_id, t.wait_reason
  FROM notify_event e LEFT JOIN task t ON t.id = NEW.task_row
  WHERE e.event = 'job.' || NEW.state AND OLD.state <> NEW.state;
  -- After the counts and the job: the order of two triggers is not defined.
  INSERT INTO notification (target, event, at_ms, due_at_ms, manifest)
  SELECT e.target, e.event, NEW.updated_at_ms, NEW.updated_at_ms, m.path
  FROM notify_event e JOIN manifest m ON m.id = NEW.manifest_id
  WHERE e.event = 'manifest.finished' AND OLD.finished_at_ms IS NULL AND NEW.finished_at_ms IS NOT NULL
    AND m.jobs = m.succeeded + m.failed + m.cancelled
  ON CONFLICT (manifest, target) WHERE event = 'manifest.finished' AND state = 'waiting' AND tries = 0 DO UPDATE SET
    at_ms = excluded.at_ms;
END;

CREATE TRIGGER job_deleted AFTER DELETE ON job BEGIN
  UPDATE state SET jobs = jobs - 1 WHERE name = OLD.state;
  UPDATE manifest SET
    jobs = jobs - 1, succeeded = succeeded - (OLD.state = 'succeeded'), failed = failed - (OLD.state = 'failed'),
    cancelled = cancelled - (OLD.state = 'cancelled'), unresolved = unresolved - (OLD.state = 'unresolved')
  WHERE id = OLD.manifest_id;
END;

-- A job shows the verdict on its file.

CREATE TRIGGER verdict_given AFTER INSERT ON verdict BEGIN
  UPDATE job SET verdict = NEW.verdict WHERE task_row = NEW.task_row AND delivered_sha256 = NEW.result_sha256;
END;

CREATE TRIGGER verdict_changed AFTER UPDATE OF verdict ON verdict WHEN OLD.verdict IS NOT NEW.verdict BEGIN
  UPDATE job SET verdict = NEW.verdict WHERE task_row = NEW.task_row AND delivered_sha256 = NEW.result_sha256;
END;

CREATE TRIGGER verdict_deleted AFTER DELETE ON verdict BEGIN
  UPDATE job SET verdict = NULL WHERE task_row = OLD.task_row AND delivered_sha256 = OLD.result_sha256;
END;

-- Its new file may have a verdict already: another job of the task had the file first, or a retry was taken back.
CREATE TRIGGER verdict_of_file AFTER UPDATE OF task_row, delivered_sha256, finished_at_ms ON job
WHEN (OLD.task_row IS NOT NEW.task_row OR OLD.delivered_sha256 IS NOT NEW.delivered_sha256
    OR OLD.state <> 'succeeded' AND NEW.state = 'succeeded')
  AND (OLD.verdict IS NOT NULL
    OR EXISTS (SELECT 1 FROM verdict WHERE task_row = NEW.task_row AND result_sha256 = NEW.delivered_sha256))
BEGIN
  UPDATE job SET verdict =
    (SELECT verdict FROM verdict WHERE task_row = NEW.task_row AND result_sha256 = NEW.delivered_sha256)
  WHERE id = NEW.id;
  UPDATE verdict SET revision = revision + 1 WHERE task_row = NEW.task_row AND result_sha256 = NEW.delivered_sha256;
END;

CREATE TRIGGER manifest_inserted AFTER INSERT ON manifest WHEN NEW.removed_at_ms IS NULL BEGIN
  UPDATE daemon_state SET
    manifests_accepted = manifests_accepted + (NEW.state = 'accepted'),
    manifests_refused = manifests_refused + (NEW.state = 'refused');
END;

CREATE TRIGGER manifest_changed AFTER UPDATE OF state, removed_at_ms ON manifest
WHEN OLD.state <> NEW.state OR (OLD.removed_at_ms IS NULL) <> (NEW.removed_at_ms IS NULL)
BEGIN
  UPDATE daemon_state SET
    manifests_accepted = manifests_accepted + (NEW.state = 'accepted' AND NEW.removed_at_ms IS NULL)
      - (OLD.state = 'accepted' AND OLD.removed_at_ms IS NULL),
    manifests_refused = manifests_refused + (NEW.state = 'refused' AND NEW.removed_at_ms IS NULL)
      - (OLD.state = 'refused' AND OLD.removed_at_ms IS NULL);
END;

CREATE TRIGGER manifest_deleted AFTER DELETE ON manifest WHEN OLD.removed_at_ms IS NULL BEGIN
  UPDATE daemon_state SET
    manifests_accepted = manifests_accepted - (OLD.state = 'accepted'),
    manifests_refused = manifests_refused - (OLD.state = 'refused');
END;

-- Messages. The trigger that counts the jobs of manifests writes `manifest.finished`, `job.succeeded` and `job.unresolved`.

-- The first failure waits 10 s for others. The sender keeps 5 minutes between two messages. At most 100 groups are kept.
CREATE TRIGGER notify_job_failed AFTER UPDATE OF finished_at_ms ON job WHEN OLD.state <> NEW.state AND NEW.state = 'failed' BEGIN
  INSERT INTO notification (target, event, at_ms, due_at_ms, jobs)
  SELECT e.target, e.event, NEW.updated_at_ms, NEW.updated_at_ms + 10000, 1
  FROM notify_event e WHERE e.event = 'jobs.failed'
  ON CONFLICT (target) WHERE event = 'jobs.failed' AND state = 'waiting' AND tries = 0 DO UPDATE SET jobs = jobs + 1;
  INSERT INTO notification_failure (notification_id, error_code, reason, jobs, example_key)
  SELECT n.id, coalesce(NEW.error_code, t.error_code, '') AS code,
    coalesce(NEW.error_reason, t.error_reason, NEW.error, t.error, '') AS why, 1, NEW.key
  FROM notify_event e JOIN notification n ON n.target = e.target LEFT JOIN task t ON t.id = NEW.task_row
  WHERE e.event = 'jobs.failed' AND n.event = 'jobs.failed' AND n.state = 'waiting' AND n.tries = 0
    AND (EXISTS (SELECT 1 FROM notification_failure f WHERE f.notification_id = n.id AND f.error_code = code AND f.reason = why)
      OR (SELECT count(*) FROM notification_failure f WHERE f.notification_id = n.id) < 100)
  ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER notify_manifest_inserted AFTER INSERT ON manifest WHEN NEW.state = 'refused' BEGIN
  INSERT INTO notification (target, event, at_ms, due_at_ms, manifest, reason)
  SELECT target, event, NEW.seen_at_ms, NEW.seen_at_ms, NEW.path, NEW.error FROM notify_event WHERE event = 'manifest.error';
END;

CREATE TRIGGER notify_manifest_changed AFTER UPDATE OF state, error ON manifest
WHEN NEW.state = 'refused' AND NEW.error IS NOT OLD.error
BEGIN
  INSERT INTO notification (target, event, at_ms, due_at_ms, manifest, reason)
  SELECT target, event, NEW.seen_at_ms, NEW.seen_at_ms, NEW.path, NEW.error FROM notify_event WHERE event = 'manifest.error';
END;

-- What ended has the reason for which it began.
CREATE TRIGGER notify_pause AFTER UPDATE OF pause ON daemon_state WHEN OLD.pause IS NOT NEW.pause BEGIN
  INSERT INTO notification (target, event, at_ms, due_at_ms, paused_by, code, reason)
  SELECT target, event, now.ms, now.ms, coalesce(NEW.pause, OLD.pause),
    CASE WHEN NEW.pause IS NULL THEN OLD.pause_code ELSE NEW.pause_code END, coalesce(NEW.pause_reason, OLD.pause_reason)
  FROM notify_event JOIN (SELECT CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) AS ms) now
  WHERE event = CASE WHEN NEW.pause IS NULL THEN 'queue.resumed' ELSE 'queue.paused' END;
END;

-- One message per UTC day and caps: a restart finds the budget reached again.
CREATE TRIGGER notify_budget AFTER UPDATE OF hold ON daemon_state
WHEN OLD.hold_kind IS NOT 'budget' AND NEW.hold_kind = 'budget'
BEGIN
  INSERT INTO notification (target, event, at_ms, due_at_ms, reason, cap_micro, money_cap_micro)
  SELECT target, event, now.ms, now.ms, NEW.hold, NEW.cap_micro, NEW.money_cap_micro
  FROM notify_event e JOIN (SELECT CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) AS ms) now
  WHERE event = 'budget.reached' AND NOT EXISTS (
    SELECT 1 FROM notification n WHERE n.event = 'budget.reached' AND n.target = e.target
      AND n.at_ms >= now.ms - now.ms % 86400000 AND n.cap_micro IS NEW.cap_micro AND n.money_cap_micro IS NEW.money_cap_micro);
END;

-- One row per job.
CREATE VIEW job_overview AS
SELECT
  j.key,
  m.path AS manifest,
  j.state,
  strftime('%Y-%m-%dT%H:%M:%fZ', j.state_since_ms / 1000.0, 'unixepoch') AS state_since,
  CASE
    WHEN j.state IN ('succeeded', 'failed', 'cancelled') THEN NULL
    WHEN j.task_row IS NULL THEN coalesce(j.media_wait_reason, 'its media are not checked yet')
    WHEN t.state = 'succeeded' THEN
      CASE
        WHEN j.wait_reason IS NOT NULL AND j.due_at_ms > now.ms THEN
          j.wait_reason || '; next try at ' || strftime('%Y-%m-%dT%H:%M:%fZ', j.due_at_ms / 1000.0, 'unixepoch')
        ELSE coalesce(j.wait_reason, 'its copy of the result is in progress or next')
      END
    WHEN t.lead_job <> j.id THEN 'shares the task of ' || (SELECT key FROM job WHERE id = t.lead_job)
    WHEN j.state = 'unresolved' THEN 'a person must decide: ' || coalesce(t.wait_reason, 'it is unknown whether Kling has the task') || '. Run `lipsyncd resolve ' || j.key || '` with `--task ID` or `--resend`'
    WHEN j.state = 'waiting' AND t.due_at_ms > now.ms THEN 'not_before is ' || strftime('%Y-%m-%dT%H:%M:%fZ', t.due_at_ms / 1000.0, 'unixepoch')
    WHEN j.state = 'waiting' THEN 'its not_before has come; it is queued next'
    -- A reason of this task alone, until a later time.
    WHEN t.wait_reason IS NOT NULL AND t.due_at_ms > now.ms THEN
      t.wait_reason || '; next try at ' || strftime('%Y-%m-%dT%H:%M:%fZ', t.due_at_ms / 1000.0, 'unixepoch')
    -- A reason of the complete queue. Without credentials every call waits; otherwise only paid calls wait.
    WHEN d.pause = 'credentials' OR d.pause IS NOT NULL AND (j.state IN ('queued', 'identified') OR j.state = 'creating' AND t.may_resend) THEN
      'the queue is paused: ' || d.pause_reason ||
      CASE WHEN instr(d.pause_reason, 'code ' || d.pause_code) = 0 THEN ' (code ' || d.pause_code || ')' ELSE '' END
    WHEN d.scanning AND j.state IN ('queued', 'identified') THEN 'the first complete scan of jobs_dir is not done' || coalesce(': ' || d.folder_problem, '')
    WHEN d.hold IS NOT NULL AND d.hold_until_ms > now.ms AND (j.state IN ('queued', 'identified')
      -- What was sent on this day counts already, and is sent again.
      OR j.state = 'creating' AND t.may_resend AND t.sent_at_ms < d.hold_until_ms - 86400000) THEN d.hold
    -- Only a task whose video needs an upload is queued without a reason of its own for long.
    WHEN j.state = 'queued' AND t.video_kind = 'file' AND EXISTS (SELECT 1 FROM upload WHERE video_sha256 = t.video_sha256 AND stored_at_ms IS NULL) THEN
      (SELECT 'uploading (' || (sent_bytes / 1000000) || ' of ' || ((bytes + 999999) / 1000000) || ' MB)' FROM upload WHERE video_sha256 = t.video_sha256)
    WHEN j.state = 'queued' AND t.video_kind = 'file' AND d.upload_problem IS NOT NULL THEN 'uploads are held: ' || d.upload_problem
    WHEN j.state = 'queued' AND t.video_kind = 'file' AND uploads.running >= d.uploads_limit
      AND NOT EXISTS (SELECT 1 FROM upload WHERE video_sha256 = t.video_sha256) THEN
      'its video waits for an upload place (' || uploads.running || ' of ' || d.uploads_limit || ' uploads in progress, upload.concurrency)'
    WHEN d.paid_rest_until_ms > now.ms AND (j.state IN ('queued', 'identified') OR j.state = 'creating' AND t.may_resend) THEN
      'rate limited by the API' || coalesce(' (code ' || d.rate_limit_code || ')', '') || '; paid calls resume at ' ||
      strftime('%Y-%m-%dT%H:%M:%fZ', d.paid_rest_until_ms / 1000.0, 'unixepoch')
    WHEN d.api_problem IS NOT NULL AND j.state IN ('queued', 'identified') THEN 'the API gives no usable answer: ' || d.api_problem
    WHEN j.state = 'queued' AND t.wait_reason IS NOT NULL THEN t.wait_reason
    WHEN j.state = 'queued' AND d.identify_limit IS NOT NULL THEN 'queued: ' || d.identify_limit
    WHEN j.state IN ('queued', 'identified') AND slots.used >= d.slots_limit THEN
      CASE j.state WHEN 'queued' THEN 'queued: ' ELSE '' END ||
      'no slot is free (' || slots.used || ' of ' || d.slots_limit || ' slots in use, ' ||
      CASE WHEN d.slots_limit < d.slots_configured THEN 'as many as the account allows' ELSE 'limits.concurrency' END || ')'
    WHEN j.state = 'identified' AND t.wait_reason IS NOT NULL THEN t.wait_reason
    WHEN j.state = 'identified' AND d.create_limit IS NOT NULL THEN d.create_limit
    WHEN j.state IN ('queued', 'identified') THEN
      CASE j.state WHEN 'queued' THEN 'queued (' ELSE 'its create request is next (' END ||
      slots.used || ' of ' || d.slots_limit || ' slots in use)'
    -- After the create request.
    ELSE
      CASE
        WHEN t.wait_reason IS NOT NULL THEN t.wait_reason
        -- Without queries, nobody knows what Kling does.
        WHEN d.query_rest_until_ms > now.ms AND j.state IN ('submitted', 'processing') THEN
          'rate limited by the API' || coalesce(' (code ' || d.rate_limit_code || ')', '') || '; the status of task ' || t.task_id ||
          ' is queried again at ' || strftime('%Y-%m-%dT%H:%M:%fZ', d.query_rest_until_ms / 1000.0, 'unixepoch')
        WHEN j.state = 'creating' THEN 'the create request is sent; no answer yet'
        WHEN j.state = 'submitted' THEN 'Kling has not started task ' || t.task_id
        WHEN j.state = 'processing' THEN 'Kling is processing task ' || t.task_id
        ELSE 'its download is in progress or next' || coalesce(' (' || d.download_limit || ')', '')
      END ||
      CASE WHEN d.api_problem IS NOT NULL AND j.state <> 'downloading' THEN '; the API gives no usable answer: ' || d.api_problem ELSE '' END
  END AS waiting_for,
  j.video,
  j.audio,
  (SELECT group_concat(name || '=' || value, ', ') FROM label WHERE job_id = j.id) AS labels,
  coalesce(t.take, j.take, 1) AS attempt,
  t.task_id,
  t.external_task_id,
  (SELECT group_concat(key, ', ') FROM (SELECT key FROM job WHERE task_row = j.task_row AND id <> j.id ORDER BY absent_since_ms, id LIMIT 10)) AS shares_task_with,
  (SELECT coalesce(sum(units_micro), 0) FROM task WHERE lead_job = j.id) / 1e6 AS units,
  (SELECT nullif(sum(money_micro), 0) FROM task WHERE lead_job = j.id) / 1e6 AS money,
  j.output,
  (SELECT
     CASE WHEN w.due_at_ms IS NULL THEN w.reason
     ELSE 'watermarked copy missing: ' || coalesce(w.reason, 'it is fetched next') ||
       CASE WHEN w.due_at_ms > now.ms
         THEN '; next try at ' || strftime('%Y-%m-%dT%H:%M:%fZ', w.due_at_ms / 1000.0, 'unixepoch') ELSE '' END
     END
   FROM missing_watermark w WHERE w.job_id = j.id AND w.task_row = j.task_row AND j.state = 'succeeded'
  ) AS watermark_missing,
  j.verdict,
  CASE WHEN j.verdict IS NOT NULL THEN
    (SELECT note FROM verdict WHERE task_row = j.task_row AND result_sha256 = j.delivered_sha256) END AS verdict_note,
  CASE WHEN j.state IN ('failed', 'cancelled') THEN coalesce(j.error_code, t.error_code) END AS error_code,
  CASE WHEN j.state IN ('failed', 'cancelled') THEN coalesce(j.error, t.error) END AS error,
  (SELECT request_id FROM event WHERE id = (SELECT max(id) FROM event WHERE job_id = j.id AND request_id IS NOT NULL)) AS request_id,
  j.changed_after_sent,
  j.dismissed,
  j.priority,
  strftime('%Y-%m-%dT%H:%M:%fZ', j.created_at_ms / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', max(j.updated_at_ms, coalesce(t.updated_at_ms, 0)) / 1000.0, 'unixepoch') AS updated_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', j.finished_at_ms / 1000.0, 'unixepoch') AS finished_at
FROM job j
JOIN manifest m ON m.id = j.manifest_id
LEFT JOIN task t ON t.id = j.task_row
JOIN daemon_state d ON d.id = 1
JOIN (SELECT count(*) AS used FROM task WHERE state IN ('creating', 'submitted', 'processing') AND slot_released = 0) slots
JOIN (SELECT count(*) AS running FROM upload WHERE stored_at_ms IS NULL) uploads
JOIN (SELECT (julianday('now') - 2440587.5) * 86400000.0 AS ms) now;

-- One row per change of a job.
CREATE VIEW job_history AS
SELECT
  j.key,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.at_ms / 1000.0, 'unixepoch') AS at,
  (SELECT name FROM state WHERE number = e.from_state) AS from_state,
  (SELECT name FROM state WHERE number = e.to_state) AS to_state,
  coalesce((SELECT text FROM history_text WHERE id = e.text_row), '') || coalesce(e.what, '') AS what,
  CASE e.call WHEN 1 THEN 'identify' WHEN 2 THEN 'create' WHEN 3 THEN 'query' WHEN 4 THEN 'list' END AS call,
  e.http_status,
  e.code,
  e.request_id,
  e.units_micro / 1e6 AS units,
  e.money_micro / 1e6 AS money
FROM event e
JOIN job j ON j.id = e.job_id
ORDER BY e.id;

-- One row per task that Kling accepted.
CREATE VIEW task_overview AS
SELECT
  t.task_id,
  t.external_task_id,
  t.take,
  t.state,
  (SELECT count(*) FROM job WHERE task_row = t.id) AS jobs,
  t.video,
  t.audio,
  t.audio_ms,
  t.video_ms,
  t.units_micro / 1e6 AS units,
  nullif(t.money_micro, 0) / 1e6 AS money,
  strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(t.first_sent_at_ms, t.created_at_ms) / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', t.ended_at_ms / 1000.0, 'unixepoch') AS ended_at,
  (t.ended_at_ms - coalesce(t.first_sent_at_ms, t.created_at_ms)) / 1000.0 AS seconds,
  nullif(lower(hex(t.result_sha256)), '') AS result_sha256
FROM task t
WHERE t.task_id IS NOT NULL;

-- One row per manifest that is in the folder or has jobs that are not cancelled.
CREATE VIEW manifest_overview AS
SELECT
  m.path,
  m.state,
  m.error,
  m.jobs,
  m.jobs - m.succeeded - m.failed - m.cancelled AS unfinished,
  m.succeeded,
  m.failed,
  m.cancelled,
  m.unresolved,
  (SELECT coalesce(sum(t.units_micro), 0) FROM job j JOIN task t ON t.lead_job = j.id WHERE j.manifest_id = m.id) / 1e6 AS units,
  (SELECT nullif(sum(t.money_micro), 0) FROM job j JOIN task t ON t.lead_job = j.id WHERE j.manifest_id = m.id) / 1e6 AS money
FROM manifest m
WHERE m.removed_at_ms IS NULL OR m.jobs > m.cancelled;

-- One row per error code and reason of failed jobs. The reason has no ids and no long numbers.
CREATE VIEW failure_overview AS
SELECT
  f.error_code,
  f.reason,
  count(*) AS jobs,
  strftime('%Y-%m-%dT%H:%M:%fZ', min(f.finished_at_ms) / 1000.0, 'unixepoch') AS first_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', max(f.finished_at_ms) / 1000.0, 'unixepoch') AS last_at,
  min(f.key) AS example_key,
  (SELECT request_id FROM event WHERE id = (SELECT max(e.id) FROM event e JOIN job k ON k.id = e.job_id
    WHERE k.key = min(f.key) AND e.request_id IS NOT NULL)) AS example_request_id
FROM (
  SELECT j.key, j.finished_at_ms, coalesce(j.error_code, t.error_code) AS error_code,
    coalesce(j.error_reason, t.error_reason, j.error, t.error) AS reason
  FROM job j LEFT JOIN task t ON t.id = j.task_row
  WHERE j.state = 'failed' AND j.dismissed = 0
) f
GROUP BY f.error_code, f.reason;

-- One row: the state of the queue.
CREATE VIEW queue_status AS
SELECT
  d.pause IS NULL AND d.hold IS NULL AND NOT d.scanning AS running,
  strftime('%Y-%m-%dT%H:%M:%fZ', d.pause_since_ms / 1000.0, 'unixepoch') AS paused_since,
  d.pause AS paused_by,
  coalesce(d.pause_reason, CASE WHEN d.scanning THEN 'the first complete scan of jobs_dir is not done' || coalesce(': ' || d.folder_problem, '') END,
    d.hold, d.folder_problem,
    CASE WHEN d.paid_rest_until_ms > (julianday('now') - 2440587.5) * 86400000.0 THEN
      'rate limited by the API' || coalesce(' (code ' || d.rate_limit_code || ')', '') || '; paid calls resume at ' ||
      strftime('%Y-%m-%dT%H:%M:%fZ', d.paid_rest_until_ms / 1000.0, 'unixepoch') END,
    d.api_problem) AS reason,
  d.pause_code AS code,
  strftime('%Y-%m-%dT%H:%M:%fZ', d.next_probe_at_ms / 1000.0, 'unixepoch') AS next_probe_at,
  (SELECT count(*) FROM task WHERE state IN ('creating', 'submitted', 'processing') AND slot_released = 0) AS slots_used,
  d.slots_limit,
  coalesce((SELECT identify_micro + task_micro FROM spend WHERE day = strftime('%Y-%m-%d', 'now')), 0) / 1e6 AS units_today,
  d.cap_micro / 1e6 AS cap,
  coalesce((SELECT identify_money_micro + task_money_micro FROM spend WHERE day = strftime('%Y-%m-%d', 'now')), 0) / 1e6 AS money_today,
  d.money_cap_micro / 1e6 AS money_cap,
  d.median_task_ms / 1000.0 AS median_task_seconds
FROM daemon_state d;

-- One row per UTC day.
CREATE VIEW spend_by_day AS
SELECT
  day,
  identify_micro / 1e6 AS identify_units,
  task_micro / 1e6 AS task_units,
  (identify_micro + task_micro) / 1e6 AS units,
  nullif(identify_money_micro + task_money_micro, 0) / 1e6 AS money,
  tasks
FROM spend;
