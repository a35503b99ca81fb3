DROP INDEX outcomes_decided ON outcomes;
