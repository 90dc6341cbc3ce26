-- What a job's manifest asks by now, the trouble of the line, and the tasks that an unresolved job could be.
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
