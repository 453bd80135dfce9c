-- +goose Up

-- As migrations/sqlite/0002_channels.sql, which says what the columns mean.

alter table feeds add column floor bigint not null default 0;
alter table feeds add column octets bigint not null default 0;
alter table feeds add column floor_octets bigint not null default 0;

create table incarnations (
  feed bigint not null,
  number bigint not null,
  upto bigint not null,
  primary key (feed, number)
);

create table messages (
  feed bigint not null,
  seq bigint not null,
  octets bigint not null,
  media_type text collate "C" not null,
  marks text collate "C" not null,
  primary key (feed, seq)
);

alter table statuses add column taken text collate "C" not null default '[]';

alter table grants rename column collection to item;

create table channels (
  id text collate "C" not null primary key,
  root bigint not null,
  feed bigint not null unique,
  name text collate "C" not null,
  title text collate "C" not null,
  description text collate "C" not null,
  permitted text collate "C" not null,
  content_type text collate "C" not null,
  ttl bigint not null,
  keeps text collate "C" not null,
  mode text collate "C" not null,
  from_collection text collate "C" not null,
  to_collection text collate "C" not null,
  namer bigint not null,
  max_message_size bigint not null,
  max_messages bigint not null,
  max_bytes bigint not null,
  show_publishers bigint not null,
  created bigint not null,
  clashes bigint not null,
  stopped text collate "C" not null,
  state text collate "C" not null
);
create unique index channels_name on channels (root, name) where state = 'active';
create index channels_removing on channels (feed) where state = 'removing';

create table subscriptions (
  id text collate "C" not null primary key,
  channel text collate "C" not null,
  account bigint not null,
  selector text collate "C" not null,
  name text collate "C" not null,
  fingerprint text collate "C" not null,
  place bigint not null,
  incarnation bigint not null,
  moves bigint not null,
  max_pending bigint not null,
  max_pending_bytes bigint not null,
  idle_timeout bigint not null,
  created bigint not null,
  seen bigint not null,
  ends bigint not null,
  offered bigint not null,
  explicit bigint not null,
  push_url text collate "C" not null,
  push_secret bytea,
  push_previous bytea,
  push_until bigint not null,
  push_state text collate "C" not null,
  push_error text collate "C" not null,
  push_failures bigint not null,
  push_since bigint not null,
  push_retry bigint not null
);
create unique index subscriptions_key on subscriptions (channel, account, fingerprint);
create index subscriptions_channel on subscriptions (channel, id);
create index subscriptions_account on subscriptions (account);
create index subscriptions_ends on subscriptions (ends);
create index subscriptions_push on subscriptions (id) where push_url <> '' and push_state <> 'disabled';

create table invitations (
  id text collate "C" not null primary key,
  channel text collate "C" not null,
  maker bigint not null,
  rights bigint not null,
  token_hash text collate "C" not null unique,
  created bigint not null,
  expires bigint not null,
  uses bigint not null
);
create index invitations_channel on invitations (channel, id);
create index invitations_expires on invitations (expires);

create table workers (
  name text collate "C" not null primary key,
  place bigint not null
);

create table departed (
  account bigint not null primary key
);
