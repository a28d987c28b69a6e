-- Open intents are few, and asked for by their request whenever one is issued.
CREATE INDEX certificate_open ON certificate (request) WHERE certificate IS NULL;
