-- What is read off a manifest anew: what a job is asked to be by now, and since when none asks for it. Who a
-- job is goes by what it asks, and no more by what its whole manifest asks.
ALTER TABLE job ADD COLUMN wanted_meaning TEXT;
ALTER TABLE job ADD COLUMN changed_at_ms INTEGER;
ALTER TABLE job ADD COLUMN left_at_ms INTEGER;
UPDATE job SET left_at_ms = coalesce(
  (SELECT removed_at_ms FROM manifest WHERE id = manifest_id),
  CASE WHEN state = 'cancelled' AND error_code = 'removed' THEN finished_at_ms END);
CREATE INDEX job_meaning ON job (meaning);
CREATE INDEX job_wanted ON job (wanted_meaning) WHERE wanted_meaning IS NOT NULL;
CREATE INDEX job_given_up ON job (audio, video) WHERE left_at_ms IS NOT NULL OR wanted_meaning IS NOT NULL;
CREATE INDEX job_base ON job (external_base);
DROP INDEX manifest_gone;
ALTER TABLE manifest DROP COLUMN meaning;
-- Which of their jobs manifests still ask for shows only when they are read again.
UPDATE manifest SET print = '';

-- How often a create was sent. Since when it is absent is counted in memory.
ALTER TABLE job ADD COLUMN sends INTEGER;
UPDATE job SET sends = CASE WHEN sent_at_ms = first_sent_at_ms THEN 1 ELSE 2 END WHERE first_sent_at_ms IS NOT NULL;
ALTER TABLE job DROP COLUMN absent_since_ms;
ALTER TABLE job DROP COLUMN settled;

-- What is to be tried again must not stand in the way of what is new.
DROP INDEX job_queued;
CREATE INDEX job_queued ON job (priority DESC, turn, id) WHERE state = 'queued' AND due_at_ms = 0;

-- The tasks that an unresolved job could be.
CREATE TABLE candidate (
  job_id        INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  task_id       TEXT    NOT NULL,
  status        TEXT    NOT NULL,
  video         TEXT,
  created_at_ms INTEGER,
  PRIMARY KEY (job_id, task_id)
) STRICT, WITHOUT ROWID;

-- The trouble of the line.
ALTER TABLE line ADD COLUMN trouble TEXT;
ALTER TABLE line ADD COLUMN trouble_since_ms INTEGER;
