-- What the runtime keeps in every service's database.

-- The journal's one truth about order: every write transaction locks this row first.
CREATE TABLE journal_head (
    id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    position BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB;

INSERT INTO journal_head (id, position) VALUES (1, 0);

CREATE TABLE journal (
    position BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    stream_id BINARY(16) NOT NULL,
    version INT UNSIGNED NOT NULL,
    entity_id BINARY(16) NOT NULL,
    event_type VARCHAR(64) NOT NULL,
    data MEDIUMTEXT NOT NULL,
    command_id BINARY(16) NOT NULL,
    actor VARCHAR(100) NOT NULL,
    recorded_at DATETIME(6) NOT NULL,
    UNIQUE KEY journal_stream (stream_id, version)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE outcomes (
    command_id BINARY(16) NOT NULL PRIMARY KEY,
    accepted BOOLEAN NOT NULL,
    position BIGINT UNSIGNED NOT NULL,
    body MEDIUMTEXT NOT NULL,
    fingerprint BINARY(32) NOT NULL,
    decided_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE claims (
    kind VARCHAR(32) NOT NULL,
    value VARCHAR(255) NOT NULL,
    stream_id BINARY(16) NOT NULL,
    PRIMARY KEY (kind, value),
    KEY claims_stream (stream_id, kind)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE checkpoints (
    projection VARCHAR(64) NOT NULL,
    source VARCHAR(64) NOT NULL,
    position BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (projection, source)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
