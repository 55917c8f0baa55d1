# relay.sh
#	  What the benchmarks of the relay have in common.
#
# Sourced by run.  The audience is a C program in each (crowd.c), so that it
# costs as little as an audience can; still it and PostgreSQL share the cores
# with the server that is measured.  Hence CPU time where the question is what
# something costs, and rivals in the same run where it is how long it takes.

relay_port=8795
bare_port=8796
node_port=8798

# build_drivers NAME...
build_drivers() {
	local name
	for name; do
		gcc -D_GNU_SOURCE -O2 "-I$($PG_CONFIG --includedir)" "$top/test/bench/$name.c" "$top/test/bench/crowd.c" \
			-o "$work/bench/$name" -lpq -lpthread
	done
}

has_relay() {
	[ -x "$stage/usr/bin/inventory-relay" ] && return
	echo "$1: left out, there is no relay"
	return 1
}

# Installs the rivals in Node; false, with a word, where there is no Node.
install_node() {
	[ -d "$work/node" ] && return
	if ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || ! command -v npm >/dev/null; then
		echo "the rivals in Node are left out: there is no Node 20 with npm"
		return 1
	fi
	mkdir "$work/node"
	cp "$top"/test/bench/node/{*.mjs,*.json,.npmrc} "$work/node"
	(cd "$work/node" && npm ci) >"$work/npm.log" 2>&1 || fail "npm: $(cat "$work/npm.log")"
	chmod -R a+rX "$work/node"
}

# open_files COUNT: as many descriptors as a server or an audience needs, if we may
open_files() {
	ulimit -n "$1" 2>/dev/null || [ "$(ulimit -n)" -ge "$1" ] || fail "$1 open files are needed, $(ulimit -n) are allowed"
}

wait_for_port() { # PID PORT NAME
	wait_until 30 "$1" bash -c "exec 3<>/dev/tcp/127.0.0.1/$2" || fail "$3 did not start: $(tail -n 5 "$work/$3.log")"
}

# start_shop NAME ITEMS: a server with a database shop, items p1, p2, ... in warehouse w
start_shop() {
	start_server "$1" "${settings[@]}"
	sql postgres "CREATE DATABASE shop"
	sql shop "CREATE EXTENSION pg_inventory" "SELECT FROM generate_series(1, $2) n, LATERAL inventory_define('p' || n, 'w', initial_quantity => 1000000)" \
		"VACUUM ANALYZE"
	conninfo="host=$PGHOST port=$PGPORT dbname=shop user=postgres"
}

# start_relay [OPTION]...: its pid is relay_pid
start_relay() {
	start_process "$work/relay.log" "$stage/usr/bin/inventory-relay" --listen "127.0.0.1:$relay_port" \
		--admin "127.0.0.1:$((relay_port + 1000))" --dsn "$conninfo" "$@"
	relay_pid=${pids[-1]}
	wait_until 30 "$relay_pid" bash -c "exec 3<>/dev/tcp/127.0.0.1/$relay_port; printf 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' >&3; read -r _ status _ <&3; [ \"\$status\" = 200 ]" ||
		fail "the relay did not become ready: $(tail -n 5 "$work/relay.log")"
}

# stop_last: ends the process started last
stop_last() {
	stop_process "${pids[-1]}"
	unset 'pids[-1]'
}

# column NUMBER FILE: median of a column
column() {
	awk -v column="$1" '{ print $column }' "$2" | median
}

# deliveries: what an event costs for each who gets it

# fanout NAME OPTION...: deliveries per second of CPU, onto the file of NAME
fanout() {
	local name=$1
	shift
	"${as_server[@]}" "$work/bench/fanout" --seconds "$fanout_seconds" "$@" >"$work/fanout.out" || fail "fanout of $name failed"
	awk '{ print $1 / $2, $5 }' "$work/fanout.out" >>"$work/rate.$name"
}

deliveries() {
	local fanout_seconds=${BENCH_FANOUT_SECONDS:-1.5} fanout_rounds=${BENCH_FANOUT_ROUNDS:-3}
	local members burst round has_node= bare_pid node_pid fed
	has_relay deliveries || return 0
	install_node && has_node=yes
	open_files 10000
	build_drivers fanout bare
	start_shop deliveries 20
	start_relay
	start_process "$work/bare.log" "$work/bench/bare" $bare_port $((bare_port + 1))
	bare_pid=${pids[-1]}
	wait_for_port "$bare_pid" $bare_port bare
	if [ -n "$has_node" ]; then
		start_process "$work/node.log" node "$work/node/fanout.mjs" $node_port $((node_port + 1))
		node_pid=${pids[-1]}
		wait_for_port "$node_pid" $((node_port + 1)) node
	fi
	fed=(--text "$work/frame.text")
	rm -f "$work"/rate.*
	for members in ${BENCH_MEMBERS:-1000 8000}; do
		for ((round = 0; round < fanout_rounds; round++)); do
			for burst in 1 20; do
				fanout "relay.$members.$burst" --port $relay_port --pid "$relay_pid" --members "$members" --burst $burst \
					--sql "$conninfo" --keep "$work/frame.text"
				fanout "bare.$members.$burst" --port $bare_port --pid "$bare_pid" --members "$members" --burst $burst \
					--feed $((bare_port + 1)) "${fed[@]}"
				[ -z "$has_node" ] || fanout "node.$members.$burst" --port $node_port --pid "$node_pid" --members "$members" --burst $burst \
					--feed $((node_port + 1)) "${fed[@]}"
			done
			fanout "batch.$members.20" --port $relay_port --pid "$relay_pid" --members "$members" --burst 20 --sql "$conninfo" --batch
		done
	done

	echo "deliveries per second and core (CPU time of the server), median of $fanout_rounds rounds of $fanout_seconds s; ratios are medians of the rounds' ratios"
	echo
	printf '%10s %26s %10s %10s %10s | %14s %14s\n' clients '' relay bare 'Node ws' 'relay / bare' 'relay / Node'
	for members in ${BENCH_MEMBERS:-1000 8000}; do
		deliveries_row "$members" "single events" "relay.$members.1" "bare.$members.1" "node.$members.1"
		deliveries_row "$members" "bursts of 20" "relay.$members.20" "bare.$members.20" "node.$members.20"
		deliveries_row "$members" "batch frames of 20, to single" "batch.$members.20" "bare.$members.1" "node.$members.1"
	done
	echo
}

deliveries_row() { # CLIENTS WHAT RELAY BARE NODE
	local node=- node_ratio=-
	if [ -e "$work/rate.$5" ]; then
		node=$(column 1 "$work/rate.$5" | sed 's/\..*//')
		node_ratio=$(ratio_of_first "$work/rate.$3" "$work/rate.$5")
	fi
	printf '%10s %26s %10.0f %10.0f %10s | %14s %14s\n' "$1" "$2" "$(column 1 "$work/rate.$3")" "$(column 1 "$work/rate.$4")" \
		"$node" "$(ratio_of_first "$work/rate.$3" "$work/rate.$4")" "$node_ratio"
}

ratio_of_first() { # A B: median over the rounds of the first columns' ratio
	paste <(cut -d' ' -f1 "$1") <(cut -d' ' -f1 "$2") | awk '{ print $1 / $2 }' | median
}

# channels: does an event cost more where there are many?

channels() {
	local fanout_seconds=${BENCH_FANOUT_SECONDS:-1.5} fanout_rounds=${BENCH_FANOUT_ROUNDS:-3} counts=(10 100 1000 10000) count round
	has_relay channels || return 0
	open_files 10000
	build_drivers fanout
	start_shop channels 10000
	start_relay
	rm -f "$work"/rate.*
	for ((round = 0; round < fanout_rounds; round++)); do
		for count in "${counts[@]}"; do
			"${as_server[@]}" "$work/bench/fanout" --seconds "$fanout_seconds" --port $relay_port --pid "$relay_pid" --members 1600 \
				--burst 1 --channels "$count" --followers 10 --sql "$conninfo" >"$work/fanout.out" || fail "fanout failed"
			awk '{ print $2 * 1e6 / $4 }' "$work/fanout.out" >>"$work/rate.$count"
		done
	done
	echo "CPU of the relay for one event, in us: 1600 clients, 10 of them on each channel; median of $fanout_rounds rounds of $fanout_seconds s"
	echo
	printf '%10s %10s %14s\n' channels us 'to 10 channels'
	for count in "${counts[@]}"; do
		printf '%10d %10.0f %14s\n' "$count" "$(column 1 "$work/rate.$count")" "$(ratio "$work/rate.$count" "$work/rate.10")"
	done
	echo
}
