# relay.sh
#	  What the benchmarks of the relay have in common.
#
# Sourced by run.  The audience is a C program in each (crowd.c), so that it
# costs as little as an audience can; still it and PostgreSQL share the cores
# with the server that is measured.  Hence CPU time where the question is what
# something costs, and rivals in the same run where it is how long it takes.

# Servers get a port and the one after it, which nobody listens on and the
# kernel gives to no client.
free_port() {
	local port
	for ((;;)); do
		port=$((10000 + RANDOM % 11000 * 2))
		! (exec 3<>/dev/tcp/127.0.0.1/$port || exec 3<>/dev/tcp/127.0.0.1/$((port + 1))) 2>/dev/null && break
	done
	echo $port
}

relay_port=$(free_port)
bare_port=$(free_port)
node_port=$(free_port)

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
		--admin "127.0.0.1:$((relay_port + 1))" --dsn "$conninfo" "$@"
	relay_pid=${pids[-1]}
	wait_until 30 "$relay_pid" bash -c "exec 3<>/dev/tcp/127.0.0.1/$relay_port; printf 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' >&3; read -r _ status _ <&3; [ \"\$status\" = 200 ]" ||
		fail "the relay did not become ready: $(tail -n 5 "$work/relay.log")"
}

# start_crowded_relay: one that lets in as many from one address as a benchmark needs
start_crowded_relay() {
	start_relay --max-connections-per-address 20000 --accept-rate 1000000 "$@"
}

# stop_last: ends the process started last
stop_last() {
	stop_process "${pids[-1]}"
	unset 'pids[-1]'
}

stop_all() {
	while [ ${#pids[@]} -gt 0 ]; do
		stop_last
	done
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
	start_crowded_relay
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
	start_crowded_relay
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

# latency: from the commit to the screens

# arrival NAME OPTION...: the figures of arrival.c, onto the file of NAME
arrival() {
	local name=$1
	shift
	"${as_server[@]}" "$work/bench/arrival" --sql "$conninfo" "$@" >>"$work/rate.$name" || fail "arrival of $name failed"
}

start_node_relay() {
	start_process "$work/node.log" node "$work/node/relay.mjs" $node_port "postgres://postgres@/shop?host=$PGHOST&port=$PGPORT"
	wait_for_port "${pids[-1]}" $node_port node
}

commit_latency_row() { # WHAT NAME
	printf '%44s %8.2f %8.2f | %8.2f %8.2f | %8.2f | %12.2f\n' "$1" "$(column 1 "$work/rate.$2")" "$(column 2 "$work/rate.$2")" \
		"$(column 3 "$work/rate.$2")" "$(column 4 "$work/rate.$2")" "$(column 5 "$work/rate.$2")" \
		"$(awk '{ print $4 / (2 * $2 + $5) }' "$work/rate.$2" | median)"
}

commit_latency() {
	local rounds=${BENCH_ARRIVAL_ROUNDS:-3} seconds=${BENCH_ARRIVAL_SECONDS:-5} round has_node=
	has_relay commit_latency || return 0
	install_node && has_node=yes
	open_files 10000
	build_drivers arrival
	start_shop commit_latency 20
	rm -f "$work"/rate.*
	# One relay at a time: each reads the log.
	start_crowded_relay
	for ((round = 0; round < rounds; round++)); do
		arrival quiet --port $relay_port --members 1 --rate 40 --seconds "$seconds"
		arrival single --port $relay_port --members 1000 --rate 50 --seconds "$seconds"
		arrival batch --port $relay_port --members 1000 --rate 500 --seconds "$seconds" --batch
	done
	stop_last
	if [ -n "$has_node" ]; then
		start_node_relay
		for ((round = 0; round < rounds; round++)); do
			arrival node_quiet --port $node_port --plain-relay --members 1 --rate 40 --seconds "$seconds"
			arrival node_single --port $node_port --plain-relay --members 1000 --rate 50 --seconds "$seconds"
		done
		stop_last
	fi
	echo "commit -> received, in ms after the commit returned, median of $rounds rounds of $seconds s"
	echo
	printf '%44s %17s | %17s | %8s | %12s\n' '' 'bare LISTEN' 'WebSocket' 'one' 'p99 / (2 x'
	printf '%44s %8s %8s | %8s %8s | %8s | %12s\n' '' p50 p99 p50 p99 'fan-out' 'LISTEN + it)'
	commit_latency_row "relay, 1 client, 40 events/s" quiet
	commit_latency_row "relay, 1000 clients, 50 events/s" single
	commit_latency_row "relay, 1000 clients, 500 events/s, batches" batch
	if [ -n "$has_node" ]; then
		commit_latency_row "pg + ws, 1 client, 40 events/s" node_quiet
		commit_latency_row "pg + ws, 1000 clients, 50 events/s" node_single
	fi
	echo
}

# stuck: what does one that does not read cost the others?

stuck() {
	local rounds=${BENCH_STUCK_ROUNDS:-7} seconds=${BENCH_ARRIVAL_SECONDS:-5} round
	has_relay stuck || return 0
	open_files 10000
	build_drivers arrival
	start_shop stuck 20
	start_crowded_relay
	rm -f "$work"/rate.*
	for ((round = 0; round < rounds; round++)); do
		# Who begins changes with every round.
		((round % 2)) || arrival none --port $relay_port --members 200 --rate 50 --seconds "$seconds" --fill
		arrival one --port $relay_port --members 200 --rate 50 --seconds "$seconds" --fill --stuck
		((round % 2 == 0)) || arrival none --port $relay_port --members 200 --rate 50 --seconds "$seconds" --fill
	done
	echo "200 clients at 50 events/s, in ms, median of $rounds rounds of $seconds s; the ratio is that of the medians"
	echo
	printf '%24s %20s %22s\n' '' 'commit -> received' 'LISTEN -> received'
	printf '%24s %10s %9s %12s %9s\n' '' p50 p99 p50 p99
	stuck_row 'all read' none
	stuck_row 'one more never reads' one
	printf '%24s %10s %9.2f %12s %9.2f\n' ratio '' "$(ratio_of_medians 4)" '' "$(ratio_of_medians 7)"
	echo
}

stuck_row() { # WHAT NAME
	printf '%24s %10.2f %9.2f %12.2f %9.2f\n' "$1" "$(column 3 "$work/rate.$2")" "$(column 4 "$work/rate.$2")" \
		"$(column 6 "$work/rate.$2")" "$(column 7 "$work/rate.$2")"
}

ratio_of_medians() { # COLUMN
	awk -v a="$(column "$1" "$work/rate.one")" -v b="$(column "$1" "$work/rate.none")" 'BEGIN { print a / b }'
}

# flash: a flash sale of one item

flash() {
	local seconds=${BENCH_FLASH_SECONDS:-10} batch figures
	has_relay flash || return 0
	open_files 10000
	build_drivers flash
	start_shop flash 1
	start_crowded_relay
	echo "one item, 2000 changes a second asked for, 1000 screens, $seconds s"
	echo
	printf '%14s %10s %18s %12s %12s %12s %10s\n' frames changes/s 'frames/s a screen' 'queued MiB' 'grown MiB' 'right in ms' 'wrong'
	for batch in '' --batch; do
		"${as_server[@]}" "$work/bench/flash" --port $relay_port --admin $((relay_port + 1)) --pid "$relay_pid" --sql "$conninfo" \
			--members 1000 --rate 2000 --seconds "$seconds" $batch >"$work/flash.out" || fail "flash failed"
		read -r -a figures <"$work/flash.out"
		printf '%14s %10s %18s %12s %12s %12s %10s\n' "$([ -n "$batch" ] && echo batch || echo single)" "${figures[@]}"
	done
	echo
}

# presence: what does it cost to know who looks at what?

presence() {
	local viewers items=200 rate=${BENCH_JOINS:-50} length=${BENCH_PRESENCE_SECONDS:-20} server_pid
	has_relay presence || return 0
	open_files 12000
	build_drivers presence
	start_shop presence $items
	server_pid=${pids[-1]}
	echo "$items items; $rate viewers come and $rate go in a second, for $length s; the lease is renewed once a second"
	echo
	printf '%8s %12s %10s %10s %14s %14s | %20s\n' viewers rows/s renewals/s ticks/s 'relay, % core' 'server, % core' 'come -> seen, ms'
	printf '%8s %12s %10s %10s %14s %14s | %10s %9s\n' '' "(bound $((4 * rate)))" '(bound 1)' '' '' '' p50 p99
	for viewers in ${BENCH_VIEWERS:-500 5000}; do
		start_crowded_relay --presence-heartbeat 1s
		"${as_server[@]}" "$work/bench/presence" --port $relay_port --relay "$relay_pid" --server "$server_pid" --sql "$conninfo" \
			--viewers "$viewers" --items $items --rate "$rate" --seconds "$length" >"$work/presence.out" || fail "presence failed"
		awk -v viewers="$viewers" '{ printf "%8d %12.1f %10.2f %10.1f %14.1f %14.1f | %10.2f %9.2f\n", viewers, $1, $2, $3, $4, $5, $6, $7 }' \
			"$work/presence.out"
		stop_last
		sql shop "DELETE FROM presence_status" "DELETE FROM presence_session"
	done
	echo
}
