-- +goose Up

-- As migrations/sqlite/0001_first.sql, which says what the columns mean. Text is
-- compared by its octets, whatever language the database was made for.

create table counters (
  name  text collate "C" not null primary key,
  value bigint not null
);
insert into counters (name, value) values ('feed', 0), ('root', 0), ('account', 0);

create table feeds (
  id          bigint not null primary key,
  seq         bigint not null,
  added       bigint not null,
  incarnation text collate "C" not null
);

create table entries (
  feed         bigint not null,
  seq          bigint not null,
  added        bigint not null,
  version_time bigint not null,
  level        bigint not null,
  superseded   bigint not null,
  outdone      bigint not null,
  account      bigint not null,
  id           text collate "C" not null,
  type         text collate "C" not null,
  spec_version text collate "C" not null,
  version      text collate "C" not null,
  version_key  text collate "C" not null,
  request      text collate "C" not null,
  origin       text collate "C",
  content      bytea not null,
  primary key (feed, seq)
);
create unique index entries_version on entries (feed, id, spec_version, version_key);
create unique index entries_added on entries (feed, added);
create index entries_type on entries (feed, type, seq);

create table live (
  feed         bigint not null,
  seq          bigint not null,
  version_time bigint not null,
  level        bigint not null,
  superseded   bigint not null,
  outdone      bigint not null,
  id           text collate "C" not null,
  type         text collate "C" not null,
  spec_version text collate "C" not null,
  version_key  text collate "C" not null,
  primary key (feed, seq)
);
create index live_id on live (feed, id);
create index live_type on live (feed, type, seq);

create table tombstones (
  feed         bigint not null,
  old_seq      bigint not null,
  seq          bigint not null,
  version_time bigint not null,
  level        bigint not null,
  at           bigint not null,
  account      bigint not null,
  id           text collate "C" not null,
  type         text collate "C" not null,
  spec_version text collate "C" not null,
  version      text collate "C" not null,
  version_key  text collate "C" not null,
  request      text collate "C" not null,
  why          text collate "C" not null,
  primary key (feed, old_seq)
);
create index tombstones_id on tombstones (feed, id);

create table statuses (
  feed       bigint not null,
  root       bigint not null,
  account    bigint not null,
  at         bigint not null,
  first      bigint not null,
  last       bigint not null,
  id         text collate "C" not null,
  request    text collate "C" not null,
  duplicates text collate "C" not null,
  failures   text collate "C" not null,
  notes      text collate "C" not null,
  primary key (feed, id)
);
create index statuses_id on statuses (id);
create index statuses_at on statuses (at);

create table roots (
  id          bigint not null primary key,
  name        text collate "C" not null unique,
  title       text collate "C" not null,
  description text collate "C" not null,
  relative    bigint not null,
  advertise   text collate "C" not null,
  is_default  bigint not null
);

create table collections (
  id          text collate "C" not null primary key,
  root        bigint not null,
  feed        bigint not null unique,
  alias       text collate "C" not null,
  title       text collate "C" not null,
  description text collate "C" not null,
  validation  text collate "C" not null,
  types       text collate "C" not null,
  state       text collate "C" not null
);
create unique index collections_alias on collections (root, alias) where state = 'active' and alias <> '';
create unique index collections_title on collections (root, title) where state = 'active';

create table accounts (
  id      bigint not null primary key,
  name    text collate "C" not null,
  state   text collate "C" not null,
  builtin bigint not null,
  options text collate "C" not null
);
create unique index accounts_name on accounts (name) where state = 'active';

create table credentials (
  account bigint not null,
  kind    text collate "C" not null,
  name    text collate "C" not null,
  secret  text collate "C" not null,
  created bigint not null,
  primary key (account, kind, name)
);

create table grants (
  account    bigint not null,
  scope      text collate "C" not null,
  root       bigint not null,
  collection text collate "C" not null,
  rights     bigint not null,
  ceiling    bigint,
  primary key (account, scope, root, collection)
);

create table secrets (
  purpose text collate "C" not null,
  kid     text collate "C" not null,
  state   text collate "C" not null,
  created bigint not null,
  sealed  bytea not null,
  primary key (purpose, kid)
);
