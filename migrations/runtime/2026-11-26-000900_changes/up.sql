-- How often what decisions rest on has changed: with events, or with claims alone. A small batch is decided before the head
-- is locked, and written only if neither number has changed since. A replica of before this doesn't count changes of claims
-- alone, so let it end first.
ALTER TABLE journal_head ADD COLUMN changes BIGINT UNSIGNED NOT NULL DEFAULT 0;
