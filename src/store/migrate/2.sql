-- What a job's manifest asks by now, the trouble of the line, and the tasks that an unresolved job could be;
-- how often a create was sent, and no more since when it is absent: that is counted in memory.
ALTER TABLE job ADD COLUMN wanted_meaning TEXT;
ALTER TABLE line ADD COLUMN trouble TEXT;
ALTER TABLE line ADD COLUMN trouble_since_ms INTEGER;
CREATE INDEX job_meaning ON job (meaning);
CREATE TABLE candidate (
  job_id        INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  task_id       TEXT    NOT NULL,
  status        TEXT    NOT NULL,
  video         TEXT,
  created_at_ms INTEGER,
  PRIMARY KEY (job_id, task_id)
) STRICT, WITHOUT ROWID;
ALTER TABLE job ADD COLUMN sends INTEGER;
UPDATE job SET sends = CASE WHEN sent_at_ms = first_sent_at_ms THEN 1 ELSE 2 END WHERE first_sent_at_ms IS NOT NULL;
ALTER TABLE job DROP COLUMN absent_since_ms;
ALTER TABLE job DROP COLUMN settled;
-- What is to be tried again must not stand in the way of what is new.
DROP INDEX job_queued;
CREATE INDEX job_queued ON job (priority DESC, turn, id) WHERE state = 'queued' AND due_at_ms = 0;
