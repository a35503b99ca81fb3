-- Who did what when, asked of the journal: one index for each filter, in the order of positions behind it.

-- An actor without its roles: user:<id>, key:<id>, reaction:<name>, machine, operator, anonymous.
ALTER TABLE journal ADD COLUMN account VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
    GENERATED ALWAYS AS (IF(actor LIKE 'machine:%', 'machine', SUBSTRING_INDEX(actor, ':', 2))) VIRTUAL;

CREATE INDEX journal_account ON journal (account, position);
CREATE INDEX journal_entity ON journal (entity_id, position);
CREATE INDEX journal_type ON journal (event_type, position);
CREATE INDEX journal_recorded ON journal (recorded_at, position);
