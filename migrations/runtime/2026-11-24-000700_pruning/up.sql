-- Outcomes are removed by age.
CREATE INDEX outcomes_decided ON outcomes (decided_at);
