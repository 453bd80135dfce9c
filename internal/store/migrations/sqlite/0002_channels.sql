-- +goose Up

-- Channels: feeds whose entries are Messages, and expire in order.

alter table feeds add column floor integer not null default 0;        -- every place up to it was purged by age
alter table feeds add column octets integer not null default 0;       -- of all Messages ever appended
alter table feeds add column floor_octets integer not null default 0; -- of those up to floor

-- The incarnations of a feed before the present one, from 0: upto is the last
-- place that it has in common with what came after it.
create table incarnations (
  feed   integer not null,
  number integer not null,
  upto   integer not null,
  primary key (feed, number)
) without rowid;

-- What is kept of an entry that is a Message, beside the entry. The marks are
-- last, so that what comes before them is read without them.
create table messages (
  feed       integer not null,
  seq        integer not null,
  octets     integer not null,   -- of all Messages up to and including it
  media_type text not null,
  marks      text not null,      -- what Selectors are evaluated on
  primary key (feed, seq)
) without rowid;

alter table statuses add column taken text not null default '[]'; -- JSON list of {id, place, published, before, message}, of publications

alter table grants rename column collection to item; -- the id of a Collection or of a Channel

create table channels (
  id               text not null primary key,
  root             integer not null,
  feed             integer not null unique,
  name             text not null,
  title            text not null,
  description      text not null,
  permitted        text not null,    -- JSON list of types
  content_type     text not null,
  ttl              integer not null, -- seconds
  keeps            text not null,    -- JSON list of {after, ttl}
  mode             text not null,
  from_collection  text not null,    -- '' for none
  to_collection    text not null,    -- likewise
  namer            integer not null, -- the account that named them
  max_message_size integer not null,
  max_messages     integer not null, -- 0: no bound
  max_bytes        integer not null, -- likewise
  show_publishers  integer not null,
  created          integer not null,
  clashes          integer not null,
  stopped          text not null,    -- why from or to does not go on, or ''
  state            text not null     -- active | removing
);
create unique index channels_name on channels (root, name) where state = 'active';
create index channels_removing on channels (feed) where state = 'removing';

-- The saved places of accounts. ends is seen and idle_timeout together, cut to
-- the minute, so that a place that moves does not move in the index too.
create table subscriptions (
  id                text not null primary key,
  channel           text not null,
  account           integer not null,
  selector          text not null,
  name              text not null,
  fingerprint       text not null,    -- of selector and name, which may be long for a key
  place             integer not null,
  incarnation       integer not null,
  moves             integer not null,
  max_pending       integer not null,
  max_pending_bytes integer not null,
  idle_timeout      integer not null, -- seconds
  created           integer not null,
  seen              integer not null,
  ends              integer not null,
  offered           integer not null,
  explicit          integer not null,
  push_url          text not null,    -- '' for none
  push_secret       blob,
  push_previous     blob,
  push_until        integer not null,
  push_state        text not null,
  push_error        text not null,
  push_failures     integer not null,
  push_since        integer not null,
  push_retry        integer not null
);
create unique index subscriptions_key on subscriptions (channel, account, fingerprint);
create index subscriptions_channel on subscriptions (channel, id);
create index subscriptions_account on subscriptions (account);
create index subscriptions_ends on subscriptions (ends);
create index subscriptions_push on subscriptions (id) where push_url <> '' and push_state <> 'disabled';

create table invitations (
  id         text not null primary key,
  channel    text not null,
  maker      integer not null,
  rights     integer not null,
  token_hash text not null unique,
  created    integer not null,
  expires    integer not null,
  uses       integer not null -- that are left
);
create index invitations_channel on invitations (channel, id);
create index invitations_expires on invitations (expires);

-- The saved cursors of the followers inside the server.
create table workers (
  name  text not null primary key,
  place integer not null
) without rowid;

-- Removed accounts whose Subscriptions are not purged yet.
create table departed (
  account integer not null primary key
);

insert into sqlite_stat1 (tbl, idx, stat) values
  ('incarnations', 'incarnations', '1000 5 1'),
  ('messages', 'messages', '1000000 200000 1'),
  ('subscriptions', 'sqlite_autoindex_subscriptions_1', '1000000 1'),
  ('subscriptions', 'subscriptions_key', '1000000 100000 10 1'),
  ('subscriptions', 'subscriptions_channel', '1000000 100000 1'),
  ('subscriptions', 'subscriptions_account', '1000000 100'),
  ('subscriptions', 'subscriptions_ends', '1000000 1000'),
  ('subscriptions', 'subscriptions_push', '1000 1'),
  ('channels', 'sqlite_autoindex_channels_1', '10000 1'),
  ('channels', 'sqlite_autoindex_channels_2', '10000 1'),
  ('channels', 'channels_name', '10000 1000 1'),
  ('channels', 'channels_removing', '10 1'),
  ('invitations', 'sqlite_autoindex_invitations_1', '10000 1'),
  ('invitations', 'sqlite_autoindex_invitations_2', '10000 1'),
  ('invitations', 'invitations_channel', '10000 100 1'),
  ('invitations', 'invitations_expires', '10000 10'),
  ('workers', 'workers', '1000 1');
