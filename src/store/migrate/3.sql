-- The database is lighter: fewer indexes, shorter checksums, states and calls of the history by number. What
-- `status` tells is counted as it changes.
ALTER TABLE manifest ADD COLUMN jobs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE manifest ADD COLUMN succeeded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE manifest ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE manifest ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
UPDATE manifest SET (jobs, succeeded, failed, cancelled) = (
  SELECT count(*), count(*) FILTER (WHERE j.state = 'succeeded'), count(*) FILTER (WHERE j.state = 'failed'),
    count(*) FILTER (WHERE j.state = 'cancelled')
  FROM job j WHERE j.manifest_id = manifest.id);
DROP INDEX manifest_present;
CREATE INDEX manifest_refused ON manifest (path) WHERE state = 'refused' AND removed_at_ms IS NULL;

CREATE TABLE state (
  number INTEGER PRIMARY KEY,
  name   TEXT    NOT NULL UNIQUE,
  jobs   INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO state (number, name) VALUES
  (1, 'waiting'), (2, 'queued'), (3, 'identified'), (4, 'creating'), (5, 'submitted'), (6, 'processing'),
  (7, 'downloading'), (8, 'succeeded'), (9, 'failed'), (10, 'cancelled'), (11, 'unresolved');
UPDATE state SET jobs = (SELECT count(*) FROM job WHERE job.state = state.name);

-- Without its indexes each row is written once and in place.
DROP INDEX job_under_way;
DROP INDEX job_meaning;
DROP INDEX job_wanted;
DROP INDEX job_output;
DROP INDEX job_external;
DROP INDEX job_base;
ALTER TABLE job ADD COLUMN freed INTEGER NOT NULL DEFAULT 0;
UPDATE job SET meaning = substr(meaning, 1, 32), wanted_meaning = substr(wanted_meaning, 1, 32),
  freed = (state = 'cancelled');
CREATE INDEX job_meaning ON job (meaning);
CREATE INDEX job_wanted ON job (wanted_meaning) WHERE wanted_meaning IS NOT NULL;
CREATE INDEX job_session ON job (session_row) WHERE session_row IS NOT NULL;
CREATE UNIQUE INDEX job_output ON job (output) WHERE freed = 0;
CREATE UNIQUE INDEX job_external ON job (external_base) WHERE freed = 0;
CREATE INDEX job_external_freed ON job (external_base) WHERE freed = 1;

CREATE TABLE phrase (
  id   INTEGER PRIMARY KEY,
  text TEXT    NOT NULL UNIQUE
) STRICT;

-- Row by row, so that a large history needs no memory. What is said stays as it is.
CREATE TABLE event_3 (
  id          INTEGER PRIMARY KEY,
  job_id      INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  at_ms       INTEGER NOT NULL,
  from_state  INTEGER,
  to_state    INTEGER NOT NULL,
  phrase      INTEGER REFERENCES phrase (id),
  what        TEXT,
  call        INTEGER CHECK (call BETWEEN 1 AND 4),
  http_status INTEGER,
  code        INTEGER,
  request_id  TEXT,
  units_micro INTEGER
) STRICT;
INSERT INTO event_3 (id, job_id, at_ms, from_state, to_state, what, call, http_status, code, request_id, units_micro)
SELECT e.id, e.job_id, e.at_ms, f.number, t.number, e.what,
  CASE e.call WHEN 'identify' THEN 1 WHEN 'create' THEN 2 WHEN 'query' THEN 3 WHEN 'list' THEN 4 END,
  e.http_status, e.code, e.request_id, e.units_micro
FROM event e LEFT JOIN state f ON f.name = e.from_state JOIN state t ON t.name = e.to_state
ORDER BY e.id;
DROP TABLE event;
ALTER TABLE event_3 RENAME TO event;
CREATE INDEX event_of_job ON event (job_id);

ALTER TABLE line ADD COLUMN manifests_accepted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE line ADD COLUMN manifests_refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE line ADD COLUMN events_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE line ADD COLUMN sessions_seen INTEGER NOT NULL DEFAULT 0;
UPDATE line SET
  manifests_accepted = (SELECT count(*) FROM manifest WHERE state = 'accepted' AND removed_at_ms IS NULL),
  manifests_refused = (SELECT count(*) FROM manifest WHERE state = 'refused' AND removed_at_ms IS NULL);

-- Lists in a CHECK are spelled with OR: for IN, a table of its own is made for each row that is written. No
-- row that is there breaks the new spelling, which says the same.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(replace(sql,
    'CHECK (state IN (''waiting'', ''queued'', ''identified'', ''creating'', ''submitted'',
                        ''processing'', ''downloading'', ''succeeded'', ''failed'', ''cancelled'', ''unresolved''))',
    'CHECK (state = ''waiting'' OR state = ''queued'' OR state = ''identified''
                        OR state = ''creating'' OR state = ''submitted'' OR state = ''processing'' OR state = ''downloading''
                        OR state = ''succeeded'' OR state = ''failed'' OR state = ''cancelled'' OR state = ''unresolved'')'),
    'CHECK (video_kind IN (''url'', ''file'', ''id''))',
    'CHECK (video_kind = ''url'' OR video_kind = ''file'' OR video_kind = ''id'')'),
    'CHECK (audio_kind IN (''url'', ''file'', ''id''))',
    'CHECK (audio_kind = ''url'' OR audio_kind = ''file'' OR audio_kind = ''id'')'),
    'CHECK (face_kind IN (''longest'', ''first'', ''only'', ''index'', ''id''))',
    'CHECK (face_kind = ''longest'' OR face_kind = ''first'' OR face_kind = ''only''
                        OR face_kind = ''index'' OR face_kind = ''id'')'),
    'CHECK ((finished_at_ms IS NOT NULL) = (state IN (''succeeded'', ''failed'', ''cancelled'')))',
    'CHECK ((finished_at_ms IS NOT NULL) = (state = ''succeeded'' OR state = ''failed'' OR state = ''cancelled''))'),
    'CHECK (state NOT IN (''submitted'', ''processing'', ''downloading'', ''succeeded'') OR task_id IS NOT NULL)',
    'CHECK (task_id IS NOT NULL OR state <> ''submitted'' AND state <> ''processing'' AND state <> ''downloading'' AND state <> ''succeeded'')')
  WHERE type = 'table' AND name = 'job';
PRAGMA writable_schema = RESET;
