DROP INDEX journal_recorded ON journal;
DROP INDEX journal_type ON journal;
DROP INDEX journal_entity ON journal;
DROP INDEX journal_account ON journal;
ALTER TABLE journal DROP COLUMN account;
