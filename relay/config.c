/*
 * config.c
 *	  What can be configured.
 *
 * The file has one "name = value" a line; '#' begins a comment line.  A list
 * is given by several lines, several flags, or commas.  Sizes take KiB and
 * MiB, times take ms, s and min.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "origin.h"
#include "peer.h"

#ifndef WWW_FOLDER
#define WWW_FOLDER "/usr/local/share/inventory-relay/www"
#endif

#define FILE_LINE_SIZE 4096

typedef enum ConfigKind
{
	KIND_TEXT,
	KIND_CHOICE, /* one of the words of `choices` */
	KIND_LIST,
	KIND_NUMBER,
	KIND_SIZE, /* bytes */
	KIND_TIME  /* milliseconds */
} ConfigKind;

typedef struct ConfigOption
{
	const char *name;
	ConfigKind kind;
	bool is_reloadable;
	size_t offset;
	const char *initial;
	int64_t least, most;
	const char *choices; /* for KIND_CHOICE: words divided by '|' */
	bool (*is_valid)(const char *text);
	const char *help;
	const char *chapter; /* opens a chapter of the help; NULL within one */
} ConfigOption;

static bool
is_address(const char *text)
{
	Address ignored[ADDRESS_MAX_COUNT];

	return address_parse(ignored, text) > 0;
}

#define AT(member) offsetof(Config, member)
#define KIB *1024LL
#define MIB *1048576LL

static const ConfigOption options[] = {
	{"listen", KIND_LIST, false, AT(listen), "localhost:8792", 0, 0, NULL, is_address,
	 "address and port for clients: 127.0.0.1:8792, [::1]:8792, localhost:8792 (both), *:8792 (all)", "Serving"},
	{"admin", KIND_LIST, false, AT(admin), "127.0.0.1:9792", 0, 0, NULL, is_address,
	 "address and port for /metrics", NULL},
	{"tls-certificate", KIND_TEXT, true, AT(tls_certificate), "", 0, 0, NULL, NULL,
	 "file with the certificate and its chain (PEM): clients speak TLS then; read anew on reload", NULL},
	{"tls-key", KIND_TEXT, true, AT(tls_key), "", 0, 0, NULL, NULL,
	 "file with its private key (PEM), without a password", NULL},
	{"event-loop", KIND_CHOICE, false, AT(event_loop), "ev", 0, 0, "ev|poll", NULL,
	 "ev scales to many connections and needs the libev plugin of libwebsockets; poll is built in", NULL},
	{"max-open-files", KIND_NUMBER, false, AT(max_open_files), "65536", 64, 1048576, NULL, NULL,
	 "limit of open files this process asks for", NULL},
	{"www", KIND_TEXT, true, AT(www), WWW_FOLDER, 0, 0, NULL, NULL,
	 "folder of the pages served at /, read at start and on reload; empty for none", NULL},
	{"allow-origin", KIND_LIST, true, AT(allow_origin), "", 0, 0, NULL, origin_is_pattern,
	 "page that may connect besides those of this host, e.g. https://shop.example or http://localhost:*", NULL},
	{"allow-host", KIND_LIST, true, AT(allow_host), "", 0, 0, NULL, NULL,
	 "name this relay is called by; without one, loopback listeners answer only to localhost and IP addresses", NULL},

	{"jwt-secret", KIND_TEXT, true, AT(jwt_secret), "", 0, 0, NULL, NULL,
	 "secret of 32 bytes or more that signs tokens (HS256); better in the environment than on a command line", "Clients"},
	{"jwks", KIND_TEXT, true, AT(jwks), "", 0, 0, NULL, NULL,
	 "file with keys that verify tokens, a JSON Web Key Set: HS256, RS256, PS256, ES256", NULL},
	{"jwt-audience", KIND_LIST, true, AT(jwt_audience), "", 0, 0, NULL, NULL,
	 "what the claim aud of a token must be or hold; one of several is enough", NULL},
	{"jwt-issuer", KIND_LIST, true, AT(jwt_issuer), "", 0, 0, NULL, NULL,
	 "what the claim iss of a token must be; one of several", NULL},
	{"jwt-leeway", KIND_TIME, true, AT(jwt_leeway_ms), "30s", 0, 600000, NULL, NULL,
	 "by how much the clock of who signs may differ from ours", NULL},
	{"jwt-overlap", KIND_TIME, true, AT(jwt_overlap_ms), "10min", 0, 86400000, NULL, NULL,
	 "time for which a key taken away by a reload still verifies", NULL},
	{"anonymous", KIND_CHOICE, false, AT(anonymous), "auto", 0, 0, "auto|off|viewer|operator|manager", NULL,
	 "role of a client without a token, on loopback addresses only; auto is off with keys and operator without", NULL},
	{"token-url", KIND_TEXT, true, AT(token_url), "", 0, 0, NULL, NULL,
	 "where a page gets tokens; told by /config.json", NULL},
	{"hello-timeout", KIND_TIME, true, AT(hello_timeout_ms), "5s", 100, 60000, NULL, NULL,
	 "time for a client with the subprotocol to say who it is", NULL},
	{"max-unidentified", KIND_NUMBER, true, AT(max_unidentified), "1000", 1, 1000000, NULL, NULL,
	 "clients at a time that have not said who they are", NULL},
	{"recheck-interval", KIND_TIME, true, AT(recheck_interval_ms), "60s", 1000, 3600000, NULL, NULL,
	 "the database is asked this often whether rights are still what they were", NULL},

	{"dsn", KIND_TEXT, false, AT(dsn), "", 0, 0, NULL, NULL,
	 "libpq connection string or URI; several hosts are tried in order, the writable one is used", "Database"},
	{"organization", KIND_TEXT, false, AT(organization), "", 0, 0, NULL, NULL,
	 "organization of clients without a token", NULL},
	{"poll-interval", KIND_TIME, true, AT(poll_interval_ms), "1s", 10, 60000, NULL, NULL,
	 "the event log is read at least this often, should a notification be lost", NULL},
	{"stale-after", KIND_TIME, true, AT(stale_after_ms), "3s", 100, 600000, NULL, NULL,
	 "age of the publisher's last round beyond which /readyz says 503", NULL},
	{"connect-timeout", KIND_TIME, false, AT(connect_timeout_ms), "10s", 100, 600000, NULL, NULL,
	 "time for one attempt to connect to the database, over all hosts", NULL},
	{"query-timeout", KIND_TIME, false, AT(query_timeout_ms), "10s", 100, 600000, NULL, NULL,
	 "time for one query, after which the connection counts as lost", NULL},
	{"read-batch", KIND_NUMBER, true, AT(read_batch), "1000", 1, 10000, NULL, NULL,
	 "events read from the database at a time", NULL},
	{"ring-size", KIND_SIZE, false, AT(ring_size), "16MiB", 0, 4096 MIB, NULL, NULL,
	 "memory for recent events, from which clients that come back are served", NULL},
	{"recent-events", KIND_NUMBER, false, AT(recent_events), "10000", 0, 1000000, NULL, NULL,
	 "events before its start that the relay reads into that memory, for clients of the one before it", NULL},
	{"inventory-limit", KIND_NUMBER, true, AT(inventory_limit), "1000", 1, 10000, NULL, NULL,
	 "rows of GET /api/inventory, at most and by default", NULL},
	{"inventory-queue", KIND_NUMBER, true, AT(inventory_queue), "64", 1, 10000, NULL, NULL,
	 "requests of GET /api/inventory that may wait", NULL},
	{"snapshot-page", KIND_NUMBER, true, AT(snapshot_page), "500", 1, 10000, NULL, NULL,
	 "items in one frame of a snapshot, fewer where they are large: it has a quarter of queue-size at most", NULL},
	{"snapshot-queries", KIND_NUMBER, false, AT(snapshot_queries), "3", 1, 16, NULL, NULL,
	 "pages of snapshots, lists and the log that are read for clients at a time, each on a connection", NULL},

	{"write-connections", KIND_NUMBER, false, AT(write_connections), "4", 1, 64, NULL, NULL,
	 "database connections that change stock; all operations of an item take the same one", "Operations"},
	{"write-batch", KIND_NUMBER, true, AT(write_batch), "500", 1, 1000, NULL, NULL,
	 "operations done in one transaction, at most; inventory.max_lines is the database's own limit", NULL},
	{"write-queue", KIND_NUMBER, true, AT(write_queue), "10000", 1, 1000000, NULL, NULL,
	 "operations that may wait for the database; more are answered with overloaded", NULL},
	{"write-queue-size", KIND_SIZE, true, AT(write_queue_size), "16MiB", 64 KIB, 4096 MIB, NULL, NULL,
	 "bytes of operations that may wait", NULL},
	{"operations-per-second", KIND_NUMBER, true, AT(operations_per_second), "200", 1, 1000000, NULL, NULL,
	 "operations a user may send, on average, over all connections of that user", NULL},
	{"operation-burst", KIND_NUMBER, true, AT(operation_burst), "400", 1, 1000000, NULL, NULL,
	 "operations a user may send at once", NULL},
	{"max-batch", KIND_NUMBER, true, AT(max_batch), "100", 1, 1000, NULL, NULL,
	 "messages in one batch of a client", NULL},
	{"presence-grace", KIND_TIME, true, AT(presence_grace_ms), "5s", 0, 600000, NULL, NULL,
	 "time for a client whose connection broke to come back, before it is said to have left", NULL},
	{"presence-heartbeat", KIND_TIME, true, AT(presence_heartbeat_ms), "15s", 20, 3600000, NULL, NULL,
	 "the lease of all who are present here is renewed this often; at most a third of inventory.presence_timeout", NULL},

	{"max-connections", KIND_NUMBER, false, AT(max_connections), "20000", 1, 1000000, NULL, NULL,
	 "client connections at a time", "Limits"},
	{"max-connections-per-address", KIND_NUMBER, true, AT(max_connections_per_address), "500", 1, 1000000, NULL, NULL,
	 "connections of one address at a time; of IPv6, of one network of 64 bits", NULL},
	{"max-connections-per-user", KIND_NUMBER, true, AT(max_connections_per_user), "50", 1, 1000000, NULL, NULL,
	 "WebSockets of one subject at a time; clients without a token are not counted", NULL},
	{"accept-rate", KIND_NUMBER, true, AT(accept_rate), "100", 1, 1000000, NULL, NULL,
	 "connections taken from one address in a second; twice as many at once", NULL},
	{"handshake-rate", KIND_NUMBER, true, AT(handshake_rate), "50", 1, 1000000, NULL, NULL,
	 "upgrades and bad tokens of one address in a second; twice as many at once, then 429 without a look", NULL},
	{"handshake-timeout", KIND_TIME, false, AT(handshake_timeout_ms), "5s", 100, 60000, NULL, NULL,
	 "time for a whole request, TLS included, from the connection's begin or the last answer", NULL},
	{"exempt-address", KIND_LIST, true, AT(exempt_address), "127.0.0.0/8, ::1", 0, 0, NULL, peer_is_range,
	 "addresses and ranges (10.0.0.0/8) to which the limits per address do not apply", NULL},
	{"trusted-proxy", KIND_LIST, true, AT(trusted_proxy), "", 0, 0, NULL, peer_is_range,
	 "addresses and ranges of proxies: their X-Forwarded-For says whose limits a connection counts for", NULL},
	{"max-channels", KIND_NUMBER, true, AT(max_channels), "64", 1, 10000, NULL, NULL,
	 "channels a client may follow at a time", NULL},
	{"max-presence", KIND_NUMBER, true, AT(max_presence), "8", 0, 10000, NULL, NULL,
	 "channels a client may be present at, at a time", NULL},
	{"max-message-size", KIND_SIZE, false, AT(max_message_size), "16KiB", 256, 1 MIB, NULL, NULL,
	 "longest message taken from a client", NULL},
	{"messages-per-second", KIND_NUMBER, true, AT(messages_per_second), "10", 1, 100000, NULL, NULL,
	 "messages a client may send, on average", NULL},
	{"message-burst", KIND_NUMBER, true, AT(message_burst), "20", 1, 100000, NULL, NULL,
	 "messages a client may send at once", NULL},
	{"max-rate", KIND_NUMBER, true, AT(max_rate), "0", 0, 1000, NULL, NULL,
	 "frames per second to one client, states being conflated to keep to it; 0 for no bound", NULL},
	{"conflate-size", KIND_SIZE, true, AT(conflate_size), "1MiB", 4 KIB, 1024 MIB, NULL, NULL,
	 "bytes that may wait for one client before newer states of an item replace older ones", NULL},
	{"conflate-after", KIND_TIME, true, AT(conflate_after_ms), "100ms", 1, 60000, NULL, NULL,
	 "time for which more happens than the relay can send, before newer states replace older ones for all", NULL},
	{"queue-size", KIND_SIZE, true, AT(queue_size), "4MiB", 64 KIB, 1024 MIB, NULL, NULL,
	 "bytes that may wait for one client before it is closed as a slow reader", NULL},
	{"total-queue-size", KIND_SIZE, true, AT(total_queue_size), "256MiB", 1 MIB, 65536 MIB, NULL, NULL,
	 "bytes that may wait for all clients; beyond, all queues are conflated, then the longest closed", NULL},
	{"ping-interval", KIND_TIME, false, AT(ping_interval_ms), "20s", 1000, 3600000, NULL, NULL,
	 "a client is pinged after so much silence", NULL},
	{"ping-timeout", KIND_TIME, false, AT(ping_timeout_ms), "30s", 2000, 3600000, NULL, NULL,
	 "and dropped after so much", NULL},
	{"drain-timeout", KIND_TIME, true, AT(drain_timeout_ms), "5s", 0, 600000, NULL, NULL,
	 "time for clients to take their last messages when the relay ends", NULL},
	{"reconnect-window", KIND_TIME, true, AT(reconnect_window_ms), "10s", 0, 600000, NULL, NULL,
	 "over which clients are asked to spread their return after a restart", NULL},

	{"log-level", KIND_CHOICE, true, AT(log_level), "info", 0, 0, "error|warning|info|debug", NULL,
	 "least important messages that are logged", "Log"},
	{"log-format", KIND_CHOICE, true, AT(log_format), "plain", 0, 0, "plain|json", NULL,
	 "plain lines or JSON lines, on standard error", NULL},
};

#define OPTION_COUNT (sizeof options / sizeof *options)

/* Lists */

static void
list_free(char **list)
{
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

static size_t
list_count(char *const *list)
{
	size_t count = 0;

	while (list && list[count])
		count++;
	return count;
}

static bool
list_add(char ***list, const char *text, size_t size)
{
	size_t count = list_count(*list);
	char **grown = realloc(*list, (count + 2) * sizeof *grown);

	if (!grown)
		return false;
	*list = grown;
	grown[count] = strndup(text, size);
	grown[count + 1] = NULL;
	return grown[count] != NULL;
}

/* Values */

static void *
member_of(Config *config, const ConfigOption *option)
{
	return (char *) config + option->offset;
}

static bool
is_choice(const char *choices, const char *text)
{
	size_t size = strlen(text);

	for (const char *word = choices; word; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
		if (strncmp(word, text, size) == 0 && (word[size] == '|' || !word[size]) && size)
			return true;
	return false;
}

/* Factor of the unit behind a number; 0 for an unknown one. */
static int64_t
unit_factor(ConfigKind kind, const char *unit)
{
	static const struct
	{
		ConfigKind kind;
		const char *unit;
		int64_t factor;
	} units[] = {
		{KIND_NUMBER, "", 1},
		{KIND_SIZE, "", 1},
		{KIND_SIZE, "KiB", 1 KIB},
		{KIND_SIZE, "MiB", 1 MIB},
		{KIND_TIME, "ms", 1},
		{KIND_TIME, "s", 1000},
		{KIND_TIME, "min", 60000},
	};

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (units[i].kind == kind && strcasecmp(units[i].unit, unit) == 0)
			return units[i].factor;
	return 0;
}

static bool
parse_number(const ConfigOption *option, const char *text, int64_t *value, Buf *error)
{
	char *end;
	long long number;
	int64_t factor;

	errno = 0;
	number = strtoll(text, &end, 10);
	factor = end == text ? 0 : unit_factor(option->kind, end + strspn(end, " "));
	if (!factor)
	{
		buf_printf(error, "option %s: \"%s\" is not a %s", option->name, text,
				   option->kind == KIND_TIME ? "time such as 500ms or 5s" : option->kind == KIND_SIZE ? "size such as 16KiB"
																									  : "number");
		return false;
	}
	if (errno || number < 0 || number > option->most / factor || number * factor < option->least)
	{
		buf_printf(error, "option %s: \"%s\" is out of range (%lld to %lld)", option->name, text,
				   (long long) option->least, (long long) option->most);
		return false;
	}
	*value = number * factor;
	return true;
}

static bool
add_list_items(const ConfigOption *option, const char *text, char ***list, Buf *error)
{
	while (*text)
	{
		size_t size;

		text += strspn(text, ", \t");
		size = strcspn(text, ", \t");
		if (size && !list_add(list, text, size))
		{
			buf_append_text(error, "out of memory");
			return false;
		}
		text += size;
	}
	for (char **item = *list; item && *item && option->is_valid; item++)
		if (!option->is_valid(*item))
		{
			buf_printf(error, "option %s: \"%s\" is malformed", option->name, *item);
			return false;
		}
	return true;
}

static bool
set_text(const ConfigOption *option, const char *text, char **member, Buf *error)
{
	if (option->kind == KIND_CHOICE && !is_choice(option->choices, text))
	{
		buf_printf(error, "option %s: \"%s\" is none of %s", option->name, text, option->choices);
		return false;
	}
	free(*member);
	*member = strdup(text);
	return *member != NULL;
}

static bool
set_value(Config *config, const ConfigOption *option, const char *text, Buf *error)
{
	void *member = member_of(config, option);

	switch (option->kind)
	{
		case KIND_TEXT:
		case KIND_CHOICE:
			return set_text(option, text, member, error);
		case KIND_LIST:
			return add_list_items(option, text, member, error);
		default:
			return parse_number(option, text, member, error);
	}
}

static void
clear_value(Config *config, const ConfigOption *option)
{
	if (option->kind == KIND_LIST)
	{
		char ***list = member_of(config, option);

		list_free(*list);
		*list = NULL;
	}
}

/* Sources: for each option, the texts of the strongest source that has it. */

typedef struct Source
{
	char **texts[OPTION_COUNT];
} Source;

static const ConfigOption *
find_option(const char *name, size_t size)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (strncmp(options[i].name, name, size) == 0 && !options[i].name[size])
			return &options[i];
	return NULL;
}

static bool
source_add(Source *source, const ConfigOption *option, const char *text, Buf *error)
{
	if (list_add(&source->texts[option - options], text, strlen(text)))
		return true;
	buf_append_text(error, "out of memory");
	return false;
}

static void
source_free(Source *source)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		list_free(source->texts[i]);
}

/* Sets every option that this source names, instead of what weaker ones said. */
static bool
source_apply(const Source *source, Config *config, Buf *error)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
	{
		if (source->texts[i])
			clear_value(config, &options[i]);
		for (char **text = source->texts[i]; text && *text; text++)
			if (!set_value(config, &options[i], *text, error))
				return false;
	}
	return true;
}

static bool
read_environment(Source *source, Buf *error)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
	{
		char name[64] = "INVENTORY_RELAY_";
		size_t size = strlen(name);
		const char *text;

		for (const char *c = options[i].name; *c; c++)
			name[size++] = *c == '-' ? '_' : (char) toupper((unsigned char) *c);
		name[size] = '\0';
		text = getenv(name);
		if (text && !source_add(source, &options[i], text, error))
			return false;
	}
	return true;
}

static char *
trim(char *text)
{
	size_t size;

	text += strspn(text, " \t\r\n");
	size = strlen(text);
	while (size && isspace((unsigned char) text[size - 1]))
		text[--size] = '\0';
	return text;
}

static bool
read_line(Source *source, const char *path, unsigned number, char *line, Buf *error)
{
	const ConfigOption *option;
	char *equals;
	char *name;

	line = trim(line);
	if (!*line || *line == '#')
		return true;
	equals = strchr(line, '=');
	if (!equals)
	{
		buf_printf(error, "%s, line %u: \"name = value\" expected", path, number);
		return false;
	}
	*equals = '\0';
	name = trim(line);
	option = find_option(name, strlen(name));
	if (!option)
	{
		buf_printf(error, "%s, line %u: there is no option \"%s\"", path, number, name);
		return false;
	}
	return source_add(source, option, trim(equals + 1), error);
}

static bool
read_file(Source *source, const char *path, Buf *error)
{
	char line[FILE_LINE_SIZE];
	FILE *file = fopen(path, "re");
	bool is_fine = true;

	if (!file)
	{
		buf_printf(error, "the configuration file \"%s\" cannot be read: %s", path, strerror(errno));
		return false;
	}
	for (unsigned number = 1; is_fine && fgets(line, sizeof line, file); number++)
		is_fine = read_line(source, path, number, line, error);
	fclose(file);
	return is_fine;
}

/* The command line */

typedef struct Flags
{
	Source source;
	const char *file;
	ConfigAction action;
} Flags;

static bool
read_action(Flags *flags, const char *flag)
{
	static const char *const words[] = {
		[CONFIG_CHECK] = "--check-config",
		[CONFIG_HELP] = "--help",
		[CONFIG_VERSION] = "--version",
		[CONFIG_SAMPLE] = "--print-config",
	};

	for (ConfigAction action = CONFIG_CHECK; action <= CONFIG_SAMPLE; action++)
		if (strcmp(flag, words[action]) == 0)
		{
			flags->action = action;
			return true;
		}
	return false;
}

/* One flag, with its value behind '=' or in the next argument. */
static bool
read_flag(Flags *flags, char *const *argv, int *index, Buf *error)
{
	const char *flag = argv[*index];
	size_t size = strcspn(flag, "=");
	const char *value = flag[size] ? flag + size + 1 : argv[*index + 1];
	const ConfigOption *option = NULL;
	bool is_file = strncmp(flag, "--config", size) == 0 && size == strlen("--config");

	if (strncmp(flag, "--", 2) == 0)
		option = find_option(flag + 2, size - 2);
	if (!option && !is_file)
	{
		buf_printf(error, "there is no option \"%s\"; try --help", flag);
		return false;
	}
	if (!value)
	{
		buf_printf(error, "option %.*s needs a value", (int) size, flag);
		return false;
	}
	if (!flag[size])
		++*index;
	if (!is_file)
		return source_add(&flags->source, option, value, error);
	flags->file = value;
	return true;
}

static bool
read_flags(Flags *flags, int argc, char *const *argv, Buf *error)
{
	for (int i = 1; i < argc; i++)
		if (!read_action(flags, argv[i]) && !read_flag(flags, argv, &i, error))
			return false;
	return true;
}

/* All together */

static bool
apply_defaults(Config *config, Buf *error)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (!set_value(config, &options[i], options[i].initial, error))
			return false;
	return true;
}

static bool
check_together(const Config *config, Buf *error)
{
	if (config->ping_timeout_ms <= config->ping_interval_ms)
		buf_append_text(error, "option ping-timeout: it must be longer than ping-interval");
	else if (!*config->tls_certificate != !*config->tls_key)
		buf_append_text(error, "options tls-certificate and tls-key: there must be both or neither");
	else
		return true;
	return false;
}

Config *
config_load(int argc, char *const *argv, ConfigAction *action, Buf *error)
{
	Config *config = calloc(1, sizeof *config);
	Flags flags = {0};
	Source environment = {0};
	Source file = {0};
	bool is_fine = config && read_flags(&flags, argc, argv, error);

	if (is_fine && !flags.file)
		flags.file = getenv("INVENTORY_RELAY_CONFIG");
	is_fine = is_fine && apply_defaults(config, error) &&
			  (!flags.file || read_file(&file, flags.file, error)) && source_apply(&file, config, error) &&
			  read_environment(&environment, error) && source_apply(&environment, config, error) &&
			  source_apply(&flags.source, config, error) && check_together(config, error);
	if (action)
		*action = flags.action;
	source_free(&flags.source);
	source_free(&environment);
	source_free(&file);
	if (is_fine)
		return config;
	config_free(config);
	return NULL;
}

void
config_free(Config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < OPTION_COUNT; i++)
	{
		clear_value(config, &options[i]);
		if (options[i].kind == KIND_TEXT || options[i].kind == KIND_CHOICE)
			free(*(char **) member_of(config, &options[i]));
	}
	free(config);
}

static bool
is_equal(Config *one, Config *other, const ConfigOption *option)
{
	void *a = member_of(one, option);
	void *b = member_of(other, option);
	char **list = *(char ***) a;

	if (option->kind == KIND_TEXT || option->kind == KIND_CHOICE)
		return strcmp(*(char **) a, *(char **) b) == 0;
	if (option->kind != KIND_LIST)
		return *(int64_t *) a == *(int64_t *) b;
	if (list_count(list) != list_count(*(char ***) b))
		return false;
	for (size_t i = 0; list && list[i]; i++)
		if (strcmp(list[i], (*(char ***) b)[i]) != 0)
			return false;
	return true;
}

/* The whole member is exchanged, so what was old goes with `fresh`. */
static void
swap_value(Config *one, Config *other, const ConfigOption *option)
{
	size_t size = option->kind >= KIND_NUMBER ? sizeof(int64_t) : sizeof(void *);
	char kept[sizeof(int64_t)];

	memcpy(kept, member_of(one, option), size);
	memcpy(member_of(one, option), member_of(other, option), size);
	memcpy(member_of(other, option), kept, size);
}

void
config_reload(Config *config, Config *take_fresh, Buf *notes)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
	{
		if (options[i].is_reloadable)
			swap_value(config, take_fresh, &options[i]);
		else if (!is_equal(config, take_fresh, &options[i]))
			buf_printf(notes, "%s%s", notes->size ? ", " : "", options[i].name);
	}
	config_free(take_fresh);
}

void
config_print_help(FILE *out)
{
	fprintf(out, "inventory-relay brings stock changes from PostgreSQL to screens.\n\n"
				 "Usage: inventory-relay [--config FILE] [--option value]...\n\n"
				 "Every option can stand in the file as \"option = value\" and in the environment\n"
				 "as INVENTORY_RELAY_OPTION.  Options marked * can be changed by SIGHUP.\n");
	for (const ConfigOption *option = options; option < options + OPTION_COUNT; option++)
	{
		if (option->chapter)
			fprintf(out, "\n%s\n", option->chapter);
		fprintf(out, "  --%-20s %c %s", option->name, option->is_reloadable ? '*' : ' ', option->help);
		if (option->choices)
			fprintf(out, " (%s)", option->choices);
		if (*option->initial)
			fprintf(out, " [%s]", option->initial);
		fputc('\n', out);
	}
	fprintf(out, "\nOther\n"
				 "  --config FILE            read options from a file\n"
				 "  --check-config           check the configuration and exit\n"
				 "  --print-config           print a file with every option and its default\n"
				 "  --version, --help\n");
}

void
config_print_sample(FILE *out)
{
	fprintf(out, "# inventory-relay.conf: every option with its default.\n"
				 "# Those marked [reload] are taken over by SIGHUP, the others at the next start.\n");
	for (const ConfigOption *option = options; option < options + OPTION_COUNT; option++)
	{
		if (option->chapter)
			fprintf(out, "\n## %s\n", option->chapter);
		fprintf(out, "\n# %s%s\n", option->help, option->is_reloadable ? " [reload]" : "");
		fprintf(out, *option->initial ? "#%s = %s\n" : "#%s =\n", option->name, option->initial);
	}
}
