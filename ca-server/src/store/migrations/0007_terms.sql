-- The oldest change that is on no list yet is found by its time.
CREATE INDEX revocation_by_time ON revocation (issuer, since, shard);
