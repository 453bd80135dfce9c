-- +goose Up

-- As 0002_statistics.sql, for the tables of Channels: many Messages in few feeds,
-- many Subscriptions of few accounts on few Channels.
alter table messages alter feed set (n_distinct = 5), alter seq set (n_distinct = -0.2);
alter table subscriptions alter id set (n_distinct = -1), alter channel set (n_distinct = -0.1), alter account set (n_distinct = -0.1),
  alter fingerprint set (n_distinct = -0.5), alter ends set (n_distinct = -0.1);
alter table invitations alter id set (n_distinct = -1), alter token_hash set (n_distinct = -1), alter channel set (n_distinct = -0.1);

insert into messages (feed, seq, octets, media_type, marks)
select n % 5, n, n * 1000, 'application/taxii+json;version=2.1', repeat('x', 80) from generate_series(1, 200) as n;

insert into subscriptions (id, channel, account, selector, name, fingerprint, place, incarnation, moves, max_pending, max_pending_bytes,
  idle_timeout, created, seen, ends, offered, explicit, push_url, push_until, push_state, push_error, push_failures, push_since, push_retry)
select lpad(cast(n as text), 36), lpad(cast(n % 20 as text), 36), n % 20, '', '', lpad(cast(n as text), 64), n, 0, 0, 0, 0,
  7776000, n, n, n, 0, 0, case when n % 20 = 0 then 'https://a.example/' else '' end, 0, '', '', 0, 0, 0
from generate_series(1, 200) as n;

insert into invitations (id, channel, maker, rights, token_hash, created, expires, uses)
select lpad(cast(n as text), 36), lpad(cast(n % 20 as text), 36), 1, 1, lpad(cast(n as text), 64), n, n, 1 from generate_series(1, 200) as n;

analyze messages, subscriptions, invitations;
truncate messages, subscriptions, invitations;
