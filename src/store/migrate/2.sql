-- What a job's manifest asks by now, since when none asks for it, the trouble of the line, and the tasks that an unresolved job could be.
ALTER TABLE job ADD COLUMN wanted_meaning TEXT;
ALTER TABLE line ADD COLUMN trouble TEXT;
ALTER TABLE line ADD COLUMN trouble_since_ms INTEGER;
CREATE INDEX job_meaning ON job (meaning);
ALTER TABLE job ADD COLUMN changed_at_ms INTEGER;
ALTER TABLE job ADD COLUMN left_at_ms INTEGER;
UPDATE job SET left_at_ms = coalesce(
  (SELECT removed_at_ms FROM manifest WHERE id = manifest_id),
  CASE WHEN state = 'cancelled' AND error_code = 'removed' THEN finished_at_ms END);
CREATE INDEX job_wanted ON job (wanted_meaning) WHERE wanted_meaning IS NOT NULL;
CREATE INDEX job_given_up ON job (audio, video) WHERE left_at_ms IS NOT NULL OR wanted_meaning IS NOT NULL;
CREATE INDEX job_base ON job (external_base);
-- Which of their jobs manifests still ask for shows only when they are read again.
UPDATE manifest SET print = '';
DROP INDEX manifest_gone;
ALTER TABLE manifest DROP COLUMN meaning;
CREATE TABLE candidate (
  job_id        INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  task_id       TEXT    NOT NULL,
  status        TEXT    NOT NULL,
  video         TEXT,
  created_at_ms INTEGER,
  PRIMARY KEY (job_id, task_id)
) STRICT, WITHOUT ROWID;
