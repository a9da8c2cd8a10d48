"""The schema: one tuple of statements a version, each run in one transaction whose last statement is the version.

`seq` is the order of commits. Bodies are JSON arrays (see the `*_rows` modules); what is searched for is a column.
"""

APPLICATION_ID = 0x46414252
"""`FABR`: tells our file from any other SQLite database."""

_EVENTS = (
    """CREATE TABLE event (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, organisation_id TEXT NOT NULL, type TEXT NOT NULL,
        origin TEXT NOT NULL, time REAL NOT NULL, matched INTEGER, missed INTEGER, body BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX event_organisation ON event(organisation_id)",
    "CREATE INDEX event_undispatched ON event(seq) WHERE matched IS NULL",
    """CREATE TABLE idempotency (
        seq INTEGER PRIMARY KEY, organisation_id TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
        event_id TEXT NOT NULL, time REAL NOT NULL, UNIQUE (organisation_id, key)
    ) STRICT""",
)

_RUNS = (
    """CREATE TABLE run (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, organisation_id TEXT NOT NULL, connection_id TEXT NOT NULL,
        event_seq INTEGER NOT NULL REFERENCES event(seq), origin TEXT NOT NULL, state TEXT NOT NULL,
        epoch INTEGER NOT NULL, attempt INTEGER NOT NULL, owner TEXT, queued_at REAL NOT NULL, started_at REAL,
        ended_at REAL, not_before REAL NOT NULL, body BLOB NOT NULL, UNIQUE (event_seq, connection_id, origin)
    ) STRICT""",
    "CREATE INDEX run_state ON run(organisation_id, state)",
    "CREATE INDEX run_connection ON run(connection_id)",
    """CREATE TABLE cooldown (
        connection_id TEXT PRIMARY KEY, until REAL NOT NULL, owner TEXT NOT NULL, until_monotonic REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

_TENANCY = (
    """CREATE TABLE organisation (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE site (
        id TEXT PRIMARY KEY, organisation_id TEXT NOT NULL REFERENCES organisation(id), name TEXT NOT NULL,
        body BLOB NOT NULL, UNIQUE (organisation_id, name), UNIQUE (organisation_id, id)
    ) STRICT""",
    """CREATE TABLE controller (
        id TEXT PRIMARY KEY, organisation_id TEXT NOT NULL, site_id TEXT NOT NULL, name TEXT NOT NULL,
        revision INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (organisation_id, name),
        FOREIGN KEY (organisation_id, site_id) REFERENCES site(organisation_id, id)
    ) STRICT""",
    "CREATE INDEX controller_site ON controller(organisation_id, site_id)",
    """CREATE TABLE user (
        id TEXT PRIMARY KEY, organisation_id TEXT NOT NULL REFERENCES organisation(id), name TEXT NOT NULL,
        revision INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (organisation_id, name), UNIQUE (organisation_id, id)
    ) STRICT""",
    """CREATE TABLE role (
        organisation_id TEXT NOT NULL REFERENCES organisation(id), name TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (organisation_id, name)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE credential (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, organisation_id TEXT NOT NULL, user_id TEXT NOT NULL,
        sha256 TEXT NOT NULL UNIQUE, body BLOB NOT NULL,
        FOREIGN KEY (organisation_id, user_id) REFERENCES user(organisation_id, id) ON DELETE CASCADE
    ) STRICT""",
    "CREATE INDEX credential_user ON credential(organisation_id, user_id)",
    """CREATE TABLE secret (
        organisation_id TEXT NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL, time REAL NOT NULL,
        PRIMARY KEY (organisation_id, name)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE connection (
        id TEXT PRIMARY KEY, organisation_id TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,
        body BLOB NOT NULL, UNIQUE (organisation_id, name)
    ) STRICT""",
)

_CHANGES = (
    """CREATE TABLE change (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, organisation_id TEXT NOT NULL, controller_id TEXT NOT NULL,
        run_id TEXT, state TEXT NOT NULL, token INTEGER NOT NULL, owner TEXT, expires_at REAL NOT NULL,
        lease_until REAL, artifact_sha256 TEXT, body BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX change_state ON change(organisation_id, state)",
    "CREATE INDEX change_run ON change(run_id) WHERE state = 'pending' AND run_id IS NOT NULL",
    "CREATE INDEX change_expiry ON change(expires_at) WHERE state = 'pending'",
    "CREATE INDEX change_lease ON change(lease_until) WHERE state = 'applying'",
    """CREATE INDEX change_artifact ON change(artifact_sha256)
        WHERE artifact_sha256 IS NOT NULL AND state IN ('pending', 'applying', 'unknown')""",
    """CREATE TRIGGER change_target BEFORE INSERT ON change BEGIN
        SELECT RAISE(ABORT, 'CROSS_TENANT_TARGET') WHERE NOT EXISTS (
            SELECT 1 FROM controller WHERE id = NEW.controller_id AND organisation_id = NEW.organisation_id);
    END""",
)

_JOURNAL = (
    """CREATE TABLE audit (
        organisation_id TEXT NOT NULL, seq INTEGER NOT NULL, time REAL NOT NULL, actor_id TEXT NOT NULL,
        action TEXT NOT NULL, subject TEXT NOT NULL, address TEXT, details TEXT NOT NULL, previous TEXT NOT NULL,
        hash TEXT NOT NULL, PRIMARY KEY (organisation_id, seq)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE audit_head (
        organisation_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TRIGGER audit_kept BEFORE UPDATE ON audit BEGIN
        SELECT RAISE(ABORT, 'The audit log is append-only.');
    END""",
    """CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN
        SELECT RAISE(ABORT, 'The audit log is append-only.');
    END""",
    """CREATE TRIGGER audit_appends BEFORE INSERT ON audit BEGIN
        SELECT RAISE(ABORT, 'The audit log is append-only.') WHERE NEW.seq <>
            1 + coalesce((SELECT seq FROM audit_head WHERE organisation_id = NEW.organisation_id), 0);
    END""",
    """CREATE TRIGGER audit_head_rises BEFORE UPDATE ON audit_head
        WHEN NEW.seq <> OLD.seq + 1 OR NEW.organisation_id <> OLD.organisation_id BEGIN
        SELECT RAISE(ABORT, 'The audit log is append-only.');
    END""",
    """CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head BEGIN
        SELECT RAISE(ABORT, 'The audit log is append-only.');
    END""",
    """CREATE TABLE notification (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, organisation_id TEXT NOT NULL, delivery_id TEXT NOT NULL,
        created_at REAL NOT NULL, read_at REAL, body BLOB NOT NULL, UNIQUE (organisation_id, delivery_id)
    ) STRICT""",
    "CREATE INDEX notification_organisation ON notification(organisation_id)",
    """CREATE TABLE feed (
        seq INTEGER PRIMARY KEY, organisation_id TEXT NOT NULL, time REAL NOT NULL, entries BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX feed_organisation ON feed(organisation_id)",
)

_SPENDING = (
    """CREATE TABLE spending (
        credential_id TEXT PRIMARY KEY REFERENCES credential(id) ON DELETE CASCADE, day TEXT NOT NULL,
        calls INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

_PLUGINS = (
    """CREATE TABLE plugin (
        organisation_id TEXT NOT NULL REFERENCES organisation(id), id TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (organisation_id, id)
    ) STRICT, WITHOUT ROWID""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (f"PRAGMA application_id = {APPLICATION_ID}", *_EVENTS, *_RUNS, *_TENANCY, *_CHANGES, *_JOURNAL),
    _SPENDING,
    _PLUGINS,
)
"""`MIGRATIONS[n]` leads from version n to n + 1. What has been released is never edited; append."""
