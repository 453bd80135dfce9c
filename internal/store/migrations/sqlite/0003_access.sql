-- +goose Up

-- Who may do what: groups, more kinds of credentials, marking ceilings, limits,
-- and the record of who did what.

-- A group has a number as an account has, from the same counter: grants are to
-- either.
create table account_groups (
  id     integer not null primary key,
  name   text not null unique,
  limits text not null              -- JSON of exchange.Limits, or ''
);
create table members (
  grp     integer not null,
  account integer not null,
  primary key (grp, account)
) without rowid;

alter table accounts add column limits text not null default ''; -- as of groups

alter table credentials add column id text not null default '';       -- under which it is named in records; '' for passwords
alter table credentials add column expires integer not null default 0; -- 0: never
alter table credentials add column scope text not null default '';     -- JSON list of {scope, root, item, rights}; '': all that the account may
alter table credentials add column ceiling integer;                    -- none: that of the account
alter table credentials add column maker text not null default '';     -- id of the credential by which it was made; '': none
create unique index credentials_id on credentials (id) where id <> '';

-- When a credential was last used, about: written now and then.
create table credential_uses (
  account integer not null,
  kind    text not null,
  name    text not null,
  used    integer not null,
  primary key (account, kind, name)
) without rowid;

alter table roots add column sign_in text not null default ''; -- ways to sign in that are taken, comma separated; '': all

alter table collections add column unmarked integer not null default 0; -- level of what has no marking
alter table channels add column unmarked integer not null default 0;    -- likewise

alter table secrets add column signs integer not null default 0; -- since when, or from when on, it signs; 0: since created

-- Whether the levels of a feed's entries have not been read off their content:
-- those that were there before markings were.
alter table feeds add column unleveled integer not null default 0;
update feeds set unleveled = 1 where seq > 0;

-- As unmarked of its Collection or Channel, under the head, so that who adds and
-- who changes it cannot pass each other.
alter table feeds add column unmarked integer not null default 0;

-- Who may not see all levels finds what it may see without passing over the rest.
create index entries_level on entries (feed, level, seq);
create index live_level on live (feed, level, seq);
insert into sqlite_stat1 (tbl, idx, stat) values
  ('entries', 'entries_level', '1000000 200000 50000 1'),
  ('live', 'live_level', '500000 100000 25000 1');

-- What accounts used up of limits by the day, in UTC: days since 1970.
create table usage (
  account integer not null,
  day     integer not null,
  objects integer not null, -- added
  octets  integer not null, -- that went out
  primary key (account, day)
) without rowid;

-- The audit: a feed of blocks, each the records of one commit, a JSON line each.
create table audit (
  seq     integer not null primary key, -- place of the last record in the block
  first   integer not null,             -- place of the first
  at      integer not null,             -- date of the last record
  records blob not null
);

-- The last generation of the journal whose records are in the table.
insert into counters (name, value) values ('audit_journal', 0);
