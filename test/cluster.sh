# cluster.sh
#	  Throw-away PostgreSQL servers for the tests, the demo and the benchmarks.
#
# Sourced.  Everything lives in one directory, $work, that only its owner can
# enter; so the servers listen on Unix sockets in it, without passwords.
# Nothing is installed into the system: the extension comes from a staging
# directory, which Debian's extension_destdir and dynamic_library_path allow
# even for a preloaded library.
#
# PostgreSQL refuses to run as root.  Then the servers, and all that talks to
# them, run as postgres, or as nobody where the package made no such user.
#
# Whatever is started here is told by the kernel to end when the script that
# started it is gone, however it went.

umask 022
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ -z "${PG_CONFIG:-}" ]; then
	PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
	[ -x "$PG_CONFIG" ] || PG_CONFIG=pg_config
fi
export PG_CONFIG
pg_bin=$($PG_CONFIG --bindir)

# Variables that would lead our clients to somebody else's server, or change
# what they print.
for variable in "${!PG@}" LANGUAGE LC_ALL; do
	[[ $variable == PG_CONFIG || $variable == PG_TEST_* ]] || unset "$variable"
done
export PGUSER=postgres LANG=C.UTF-8

work=$(mktemp -d "${TMPDIR:-/tmp}/pg_inventory.XXXXXX")

as_server=(setpriv --pdeathsig TERM)
if [ "$(id -u)" -eq 0 ]; then
	server_user=postgres
	id "$server_user" >/dev/null 2>&1 || server_user=nobody
	chown "$server_user:" "$work"
	as_server+=("--reuid=$server_user" "--regid=$(id -g "$server_user")" --init-groups --inh-caps=-all)
fi
as_server+=(env "--chdir=$work" "HOME=$work" "TMPDIR=$work")

# What a server is started with, such as valgrind; by default nothing.
valgrind=()

pids=()
declare -A stop_signal

# Ends what start_server and start_process began, the last first, and removes $work.
clean_up() {
	local i
	trap '' INT TERM HUP
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		stop_process "${pids[i]}"
	done
	stop_stray_servers
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $work"
	else
		rm -rf "$work"
	fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A test that was interrupted may leave a server behind that pg_ctl had
# started.  Its directory is in $work, so it is ours.
stop_stray_servers() {
	local file pid
	for file in $(find "$work" -name postmaster.pid 2>/dev/null); do
		read -r pid <"$file" && stop_signal[$pid]=QUIT && stop_process "$pid"
	done
}

fail() {
	echo "$*" >&2
	exit 1
}

# stop_process PID
#
# Asks, waits up to 30 seconds, insists.
stop_process() {
	local i
	kill "-${stop_signal[$1]:-TERM}" "$1" 2>/dev/null || return 0
	for ((i = 0; i < 300; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

# start_process LOG COMMAND...
#
# In the background, as the server's user; its pid is the last of pids.
start_process() {
	local log=$1
	shift
	"${as_server[@]}" "$@" >>"$log" 2>&1 </dev/null &
	pids+=($!)
}

# wait_until SECONDS PID COMMAND...
#
# Until the command succeeds.  False when the time is over or the process gone.
wait_until() {
	local deadline=$((SECONDS + $1)) pid=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] && kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.05
	done
}

# stage_build
#
# Builds, and installs into $stage.
stage_build() {
	stage=$work/stage
	mkdir "$stage"
	{
		make --no-print-directory -s -C "$top" -j2 all &&
			make --no-print-directory -s -C "$top" install "DESTDIR=$stage" PREFIX=/usr
	} >"$work/build.log" 2>&1 || {
		cat "$work/build.log" >&2
		fail "the build failed"
	}
	grep 'left out' "$work/build.log" | sort -u || :
}

# start_server NAME [SETTING=VALUE]...
#
# A new cluster in $work/NAME that takes the extension from $stage, or from the
# system when that is empty.  Returns when it answers, with PGHOST set.
start_server() {
	local name=$1 dir=$work/$1 setting
	shift
	local options=(-c listen_addresses= -c "unix_socket_directories=$dir"
		-c shared_preload_libraries=pg_inventory -c log_line_prefix='%m [%p] %b %d '
		-c lc_messages=C -c timezone=UTC)
	[ -z "${stage:-}" ] || options+=(
		-c "extension_destdir=$stage"
		-c "dynamic_library_path=$stage$($PG_CONFIG --pkglibdir):\$libdir")
	for setting; do
		options+=(-c "$setting")
	done

	"${as_server[@]}" mkdir "$dir"
	"${as_server[@]}" "$pg_bin/initdb" -D "$dir/data" --username=postgres --auth=trust \
		--encoding=UTF8 --locale=C.UTF-8 --no-sync >"$work/$name.log" 2>&1 ||
		{
			cat "$work/$name.log" >&2
			fail "initdb failed"
		}
	start_process "$work/$name.log" setpriv --pdeathsig INT "${valgrind[@]}" "$pg_bin/postgres" -D "$dir/data" "${options[@]}"
	stop_signal[${pids[-1]}]=INT # a fast shutdown: TERM would wait for every client
	export PGHOST=$dir PGPORT=5432
	wait_until 60 "${pids[-1]}" "$pg_bin/pg_isready" -q || {
		tail -n 20 "$work/$name.log" >&2
		fail "the server did not start"
	}
}

# sql DATABASE COMMAND...
#
# Each command in a transaction of its own; the first error ends the script.
sql() {
	local database=$1 arguments=() command
	shift
	for command; do
		arguments+=(-c "$command")
	done
	"${as_server[@]}" "$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 -d "$database" "${arguments[@]}"
}
