-- The certificate that a request asks to renew, or to have for another key.
ALTER TABLE request ADD COLUMN former_issuer BLOB;
ALTER TABLE request ADD COLUMN former_serial BLOB;
CREATE INDEX request_by_former ON request (former_issuer, former_serial, position)
    WHERE former_serial IS NOT NULL;
