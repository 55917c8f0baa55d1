# idle.sh
#	  What does a client cost that only waits?
#
# Sourced by run, after relay.sh.  Each contender is a server started for it, for
# memory that one run has left behind would be the next one's.

# idle_case WHO PORT [MESSAGE]: a line of the table, of the process started last
idle_case() {
	local who=$1 port=$2
	shift 2
	"${as_server[@]}" "$work/bench/idle" "$port" "${pids[-1]}" "$idle_members" "$@" >"$work/idle.out" ||
		fail "$who: the audience failed; $(tail -n 3 "$work"/{relay,node}.log 2>&1)"
	read -r before after each <"$work/idle.out"
	printf '%42s %12d %12d %12.2f\n' "$who" "$before" "$after" "$each"
	stop_last
}

idle() {
	local idle_members=${BENCH_IDLE:-10000} relay_port=8805 node_port=8807 before after each relay_each
	# The audience does not answer them.
	local no_pings=(--ping-interval 30min --ping-timeout 60min)
	has_relay idle || return 0
	# The system's limit of a process, and both ends are one each.
	open_files $((idle_members + 1000))
	build_drivers idle
	start_shop idle 20

	echo "resident memory of the server in KiB, $idle_members clients that only wait"
	echo
	printf '%42s %12s %12s %12s\n' '' 'one client' 'all' 'each'
	start_relay "${no_pings[@]}"
	idle_case "relay, protocol 1, two channels" $relay_port \
		'{"type":"hello","protocol":1,"channels":["product:p1","warehouse:w"]}'
	start_relay "${no_pings[@]}"
	idle_case "relay, plain, one channel more than global" $relay_port '{"type":"subscribe","channel":"product:p1"}'
	relay_each=$each
	if install_node; then
		start_process "$work/node.log" node "$work/node/fanout.mjs" $node_port $((node_port + 1))
		wait_for_port "${pids[-1]}" $((node_port + 1)) node
		idle_case "Node ws, which knows nothing of channels" $node_port
		echo
		awk -v ours="$relay_each" -v theirs="$each" 'BEGIN { printf "Node ws / relay: %.2f\n", theirs / ours }'
	fi
	echo
}
