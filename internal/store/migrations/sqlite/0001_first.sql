-- +goose Up

-- Numbers that are never given twice (feeds, roots, accounts).
create table counters (
  name  text not null primary key,
  value integer not null
);
insert into counters (name, value) values ('feed', 0), ('root', 0), ('account', 0);

-- The head of each feed: the last place taken and the last date given, in
-- microseconds since 1970. Its row is the lock of the feed.
create table feeds (
  id          integer not null primary key,
  seq         integer not null,
  added       integer not null,
  incarnation text not null
);

-- An entry is content in its place. The bytes are last, so that what comes
-- before them is read without them.
create table entries (
  place        integer not null primary key, -- feed * 2^40 + seq: a feed lies in the order of its places
  feed         integer not null,
  seq          integer not null,
  added        integer not null,
  id           text not null,
  type         text not null,
  spec_version text not null,
  version      text not null,    -- as sent, or the date first got
  version_key  text not null,    -- normal form, or '#' and a fingerprint
  version_time integer not null, -- orders versions
  level        integer not null,
  superseded   integer not null, -- lowest level of any later version of this spec_version
  outdone      integer not null, -- lowest level of any version of a higher spec_version
  account      integer not null,
  request      text not null,
  origin       text,             -- none until peers come
  content      blob not null,
  unique (feed, seq)
);
create unique index entries_version on entries (feed, id, spec_version, version_key);
create unique index entries_added on entries (feed, added);
create index entries_type on entries (feed, type, seq);

-- Exactly the entries with level < superseded.
create table live (
  feed         integer not null,
  seq          integer not null,
  id           text not null,
  type         text not null,
  spec_version text not null,
  version_key  text not null,
  version_time integer not null,
  level        integer not null,
  superseded   integer not null,
  outdone      integer not null,
  primary key (feed, seq)
) without rowid;
create index live_id on live (feed, id);
create index live_type on live (feed, type, seq);

-- What was removed, without content. seq is the place of the withdrawal.
create table tombstones (
  feed         integer not null,
  old_seq      integer not null,
  seq          integer not null,
  id           text not null,
  type         text not null,
  spec_version text not null,
  version      text not null,
  version_key  text not null,
  version_time integer not null,
  level        integer not null,
  at           integer not null,
  account      integer not null,
  request      text not null,
  why          text not null,    -- deleted | moved
  primary key (feed, old_seq)
) without rowid;
create index tombstones_id on tombstones (feed, id);

-- What became of the objects of one Add; successes are told by their places.
create table statuses (
  feed       integer not null,
  id         text not null,
  root       integer not null,
  account    integer not null,
  request    text not null,
  at         integer not null,
  first      integer not null,
  last       integer not null,
  duplicates text not null,      -- JSON list of places
  failures   text not null,      -- JSON list of {id, version, message}
  notes      text not null,      -- JSON list of {index, message}
  primary key (feed, id)
);
create index statuses_id on statuses (id);
create index statuses_at on statuses (at);

create table roots (
  id          integer not null primary key,
  name        text not null unique,
  title       text not null,
  description text not null,
  relative    integer not null,  -- printed as a path
  advertise   text not null,     -- URL of a root on another server, or ''
  is_default  integer not null
);

create table collections (
  id          text not null primary key,
  root        integer not null,
  feed        integer not null unique,
  alias       text not null,     -- '' for none
  title       text not null,
  description text not null,
  validation  text not null,     -- off | shape | strict
  types       text not null,     -- accepted types, comma separated, or ''
  state       text not null      -- active | removing
);
create unique index collections_alias on collections (root, alias) where state = 'active' and alias <> '';
create unique index collections_title on collections (root, title) where state = 'active';

create table accounts (
  id      integer not null primary key,
  name    text not null,
  state   text not null,         -- active | removed
  builtin integer not null,
  options text not null          -- comma separated
);
create unique index accounts_name on accounts (name) where state = 'active';

create table credentials (
  account integer not null,
  kind    text not null,         -- password
  name    text not null,         -- tells several of one kind apart
  secret  text not null,         -- a hash, never the secret
  created integer not null,
  primary key (account, kind, name)
);

create table grants (
  account    integer not null,
  scope      text not null,      -- server | root | collection
  root       integer not null,   -- 0 for the server
  collection text not null,      -- '' unless the scope is a collection
  rights     integer not null,   -- 1 read, 2 write, 4 manage
  ceiling    integer,            -- none until markings come
  primary key (account, scope, root, collection)
);

create table secrets (
  purpose text not null,
  kid     text not null,
  state   text not null,         -- active | accepted | retired
  created integer not null,
  sealed  blob not null,
  primary key (purpose, kid)
);

-- What the planner should believe from the first row on: many rows in few
-- feeds, few versions of one object. Without it SQLite takes a feed for ten rows
-- and walks through it. Rows in all, then rows of equal first columns.
analyze;
insert into sqlite_stat1 (tbl, idx, stat) values
  ('entries', 'sqlite_autoindex_entries_1', '1000000 200000 1'),
  ('entries', 'entries_version', '1000000 200000 2 2 1'),
  ('entries', 'entries_added', '1000000 200000 1'),
  ('entries', 'entries_type', '1000000 200000 10000 1'),
  ('live', 'live', '500000 100000 1'),
  ('live', 'live_id', '500000 100000 1'),
  ('live', 'live_type', '500000 100000 5000 1'),
  ('tombstones', 'tombstones', '100000 20000 1'),
  ('tombstones', 'tombstones_id', '100000 20000 2'),
  ('statuses', 'sqlite_autoindex_statuses_1', '100000 20000 1'),
  ('statuses', 'statuses_id', '100000 1'),
  ('statuses', 'statuses_at', '100000 2');
