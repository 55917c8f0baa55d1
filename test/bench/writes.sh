# writes.sh
#	  Operations through the relay, against sessions that do it themselves.
#
# Sourced by run, after relay.sh.  The clients are writers.c.

# start_writes: a server with a database stock of 10,000 items, and a row to sell by hand
#
# A server that has run for a while has files for its log already, and keeps
# min_wal_size of them; a new one would make them while somebody is measured.
start_writes() {
	start_server writes "${settings[@]}" min_wal_size=4GB
	sql postgres "CREATE DATABASE stock"
	sql stock "CREATE EXTENSION pg_inventory" \
		"SELECT FROM generate_series(1, 10000) n, LATERAL inventory_define('p' || n, 'w', initial_quantity => 1000000000)" \
		"CREATE TABLE hot_row (id int PRIMARY KEY, quantity bigint) WITH (fillfactor = 70)" \
		"INSERT INTO hot_row VALUES (1, 1000000000)" "VACUUM ANALYZE"
	conninfo="host=$PGHOST port=$PGPORT dbname=stock user=postgres"
}

# write_by NAME OPTION...: operations per second, p50, p99 and CPU of the relay, onto the file of NAME
write_by() {
	local name=$1
	shift
	sql postgres CHECKPOINT
	"${as_server[@]}" "$work/bench/writers" --seconds "$seconds" --port $relay_port --pid "$relay_pid" "$@" >"$work/writers.out" ||
		fail "writers of $name failed"
	awk '{ print $1 / $2, $3, $4, $5 / $2 }' "$work/writers.out" >>"$work/rate.$name"
}

# direct_by SCRIPT NAME: transactions per second of 64 sessions of their own, onto the file of NAME
direct_by() {
	sql postgres CHECKPOINT
	pgbench_rate "$1" 64 >>"$work/rate.$2"
}

writes() {
	local round clients limits=(--operations-per-second 1000000 --operation-burst 1000000)
	has_relay writes || return 0
	open_files 10000
	build_drivers writers
	start_writes
	start_relay "${limits[@]}"
	write_by warm --members 64 --items 10000 --window 8
	rm -f "$work"/rate.*
	for ((round = 0; round < rounds; round++)); do
		write_by hot --members 64 --items 1
		write_by hot8 --members 64 --items 1 --window 8
		direct_by hot_row row
		write_by wide --members 64 --items 10000
		write_by wide8 --members 64 --items 10000 --window 8
		direct_by adjust_wide adjust
		direct_by adjust_wide_keyed keyed
	done
	write_by by.1 --members 1 --items 10000
	cp "$work/rate.wide" "$work/rate.by.64"
	write_by by.1000 --members 1000 --items 10000
	check_stock
	echo "operations per second through the relay, acknowledged after the commit, median of $rounds rounds of $seconds s;"
	echo "ratios are medians of the rounds' ratios.  Limits as in production, but ${limits[*]}"
	echo
	printf '%46s %8s %36s %8s %8s\n' '' '' '' '' ratio
	writes_row hot "64 clients, one hot item" row "64 x UPDATE ... RETURNING, one row"
	writes_row hot8 "64 clients, one hot item, 8 on their way each" row "64 x UPDATE ... RETURNING, one row"
	writes_row wide "64 clients, 10,000 items" adjust "64 x inventory_adjust()"
	writes_row wide8 "64 clients, 10,000 items, 8 on their way each" adjust "64 x inventory_adjust()"
	writes_row wide8 "64 clients, 10,000 items, 8 on their way each" keyed "64 x inventory_adjust() with a key"
	echo
	echo "from sending to acknowledgement, in ms, 10,000 items, one operation on its way each"
	echo
	printf '%10s %8s %8s %14s\n' clients p50 p99 'operations/s'
	for clients in 1 64 1000; do
		printf '%10d %8.2f %8.2f %14.0f\n' "$clients" "$(column 2 "$work/rate.by.$clients")" "$(column 3 "$work/rate.by.$clients")" \
			"$(column 1 "$work/rate.by.$clients")"
	done
	echo
}

writes_row() { # RATES WHAT RIVAL WHAT
	printf '%46s %8.0f %36s %8.0f %8s\n' "$2" "$(column 1 "$work/rate.$1")" "$4" "$(column 1 "$work/rate.$3")" \
		"$(ratio_of_first "$work/rate.$1" "$work/rate.$3")"
}
