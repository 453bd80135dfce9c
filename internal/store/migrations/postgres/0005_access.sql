-- +goose Up

-- As migrations/sqlite/0003_access.sql, which says what the columns mean.

create table account_groups (
  id     bigint not null primary key,
  name   text collate "C" not null unique,
  limits text collate "C" not null
);
create table members (
  grp     bigint not null,
  account bigint not null,
  primary key (grp, account)
);

alter table accounts add column limits text collate "C" not null default '';

alter table credentials add column id text collate "C" not null default '';
alter table credentials add column expires bigint not null default 0;
alter table credentials add column scope text collate "C" not null default '';
alter table credentials add column ceiling bigint;
alter table credentials add column maker text collate "C" not null default '';
create unique index credentials_id on credentials (id) where id <> '';

create table credential_uses (
  account bigint not null,
  kind    text collate "C" not null,
  name    text collate "C" not null,
  used    bigint not null,
  primary key (account, kind, name)
);

alter table roots add column sign_in text collate "C" not null default '';

alter table secrets add column signs bigint not null default 0;

alter table collections add column unmarked bigint not null default 0;
alter table channels add column unmarked bigint not null default 0;

alter table feeds add column unleveled bigint not null default 0;
update feeds set unleveled = 1 where seq > 0;
alter table feeds add column unmarked bigint not null default 0;
create index entries_level on entries (feed, level, seq);
create index live_level on live (feed, level, seq);

create table usage (
  account bigint not null,
  day     bigint not null,
  objects bigint not null,
  octets  bigint not null,
  primary key (account, day)
);

create table audit (
  seq     bigint not null primary key,
  first   bigint not null,
  at      bigint not null,
  records bytea not null
);
