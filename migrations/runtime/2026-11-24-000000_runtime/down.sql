DROP TABLE checkpoints;
DROP TABLE claims;
DROP TABLE outcomes;
DROP TABLE journal;
DROP TABLE journal_head;
