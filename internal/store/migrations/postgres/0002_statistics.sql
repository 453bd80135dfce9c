-- +goose Up

-- What the planner should believe from the first row on: many rows in few feeds,
-- few versions of one object. Without it PostgreSQL takes a feed for one row and
-- walks through it. What is said of distinct values (below 0: as a share of the
-- rows) goes into the statistics with the next analyze, which an empty table
-- does not get; truncate takes the examples away and leaves the statistics, if the
-- tables are not of the same transaction.
alter table entries alter feed set (n_distinct = 5), alter seq set (n_distinct = -0.2), alter added set (n_distinct = -1),
  alter id set (n_distinct = -0.5), alter version_key set (n_distinct = -0.2), alter version_time set (n_distinct = -0.2);
alter table live alter feed set (n_distinct = 5), alter seq set (n_distinct = -0.2), alter id set (n_distinct = -0.9);
alter table tombstones alter feed set (n_distinct = 5), alter old_seq set (n_distinct = -0.2), alter id set (n_distinct = -0.5);
alter table statuses alter feed set (n_distinct = 5), alter id set (n_distinct = -1), alter at set (n_distinct = -0.5);

insert into entries (feed, seq, added, version_time, level, superseded, outdone, account,
  id, type, spec_version, version, version_key, request, content)
select n % 5, n, n, n, 0, 1, 1, 1,
  'indicator--' || lpad(cast(n as text), 36), 'type ' || n % 20, '2.' || n % 2, lpad(cast(n as text), 24), lpad(cast(n as text), 24),
  lpad(cast(n as text), 36), cast(repeat('x', 1000) as bytea)
from generate_series(1, 200) as n;

insert into live (feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone)
select feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone from entries;

insert into tombstones (feed, old_seq, seq, id, type, spec_version, version, version_key, version_time, level, at, account, request, why)
select feed, seq, seq, id, type, spec_version, version, version_key, version_time, level, added, account, request,
  case when seq % 2 = 0 then 'deleted' else 'moved' end from entries;

insert into statuses (feed, id, root, account, request, at, first, last, duplicates, failures, notes)
select feed, request, 1, account, request, added, seq, seq, '[]', '[]', '[]' from entries;

analyze entries, live, tombstones, statuses;
truncate entries, live, tombstones, statuses;
