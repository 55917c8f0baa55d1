-- settings.sql
--     Every setting: default, bounds, unit, and who may set it.
\ir objects.psql

-- The library defines them when it is loaded.
SELECT ok(inventory_position() IS NOT NULL, 'the library is loaded');

INSERT INTO actual
SELECT name, concat_ws(' ', vartype, coalesce(nullif(boot_val, ''), '''''') || coalesce(' ' || unit, ''),
                       CASE WHEN min_val IS NOT NULL THEN min_val || '..' || max_val END,
                       array_to_string(enumvals, ','), context)
  FROM pg_settings
 WHERE name LIKE 'inventory.%';

COPY expected FROM stdin (DELIMITER '|');
inventory.event_max_size|integer 4096 MB 3..2147483647 sighup
inventory.event_retention|integer 86400 s 1..31622400 sighup
inventory.expiring_soon|integer 10080 min 0..5270400 sighup
inventory.janitor_interval|integer 5000 ms 10..3600000 sighup
inventory.lock_timeout|integer 1500 ms 1..600000 user
inventory.max_count_age|integer 86400 s 1..31622400 user
inventory.max_lines|integer 1000 1..10000 user
inventory.max_retries|integer 3 0..100 user
inventory.notify_channel|string pg_inventory sighup
inventory.notify_payload|enum position position,events sighup
inventory.operation_retention|integer 129600 min 1..5270400 sighup
inventory.organization|string '' user
inventory.poll_interval|integer 1000 ms 10..60000 sighup
inventory.presence_timeout|integer 60000 ms 100..86400000 sighup
inventory.require_organization|bool off superuser
inventory.reservation_ttl|integer 900 s 1..31622400 user
inventory.tick_interval|integer 5 ms 1..10000 sighup
\.

SELECT pg_temp.compare('setting');

SELECT ok(short_desc ~ '^(Sets|Refuses|Enables|Selects) .*\.$', name || ' is described: ' || short_desc)
  FROM pg_settings
 WHERE name LIKE 'inventory.%'
 ORDER BY name;

SELECT throws_like('SET inventory.no_such_setting = 1', '%invalid configuration parameter name%', 'the prefix is reserved');

SELECT * FROM finish();
