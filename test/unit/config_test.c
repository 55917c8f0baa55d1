/*
 * config_test.c
 *	  Options from the command line, the environment, a file, and defaults.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

#ifndef RELAY_FOLDER
#define RELAY_FOLDER "relay"
#endif

static Buf error;

static Config *
load(const char *flags)
{
	static char words[1024];
	char *argv[32] = {"inventory-relay"};
	int argc = 1;

	snprintf(words, sizeof words, "%s", flags);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	buf_reset(&error);
	return config_load(argc, argv, NULL, &error);
}

static const char *
write_file(const char *text)
{
	static char path[] = "/tmp/config_test_XXXXXX";
	static bool is_made;
	FILE *file;

	if (!is_made)
		close(mkstemp(path));
	is_made = true;
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	return path;
}

static void
test_defaults(void)
{
	Config *config = load("");

	ok(config != NULL, "without any option there is a configuration");
	if (!config)
		return;
	is_text(config->listen[0], "localhost:8792", "it listens on loopback");
	is_text(config->listen[1], NULL, "and nowhere else");
	is_text(config->event_loop, "ev", "on libev");
	is_number(config->max_message_size, 16384, "messages may have 16 KiB");
	is_number(config->max_channels, 64, "clients may follow 64 channels");
	is_number(config->messages_per_second, 10, "and send 10 messages a second");
	is_number(config->message_burst, 20, "in bursts of 20");
	is_number(config->ping_interval_ms, 20000, "a ping goes out after 20 seconds");
	is_number(config->ping_timeout_ms, 30000, "and a silent client goes after 30");
	is_text(config->organization, "", "the organization is the nameless one");
	ok(!config->allow_origin, "no foreign page is let in");
	config_free(config);
}

static void
test_order(void)
{
	char flags[200];
	Config *config;

	setenv("INVENTORY_RELAY_MAX_CHANNELS", "7", 1);
	setenv("INVENTORY_RELAY_LISTEN", "127.0.0.1:1001,127.0.0.1:1002", 1);
	setenv("INVENTORY_RELAY_CONFIG", write_file("# a comment\n\n max-channels = 5 \nmessage-burst=99\nqueue-size = 2 MiB\n"
												"listen = 127.0.0.1:1\nlisten = [::1]:1\ndsn = host=a dbname=b\n"),
		   1);
	config = load("");
	is_number(config->max_channels, 7, "the environment wins over the file");
	is_number(config->message_burst, 99, "the file wins over the default");
	is_number(config->queue_size, 2 << 20, "a size may have a unit");
	is_text(config->dsn, "host=a dbname=b", "a value may hold equals signs and spaces");
	is_text(config->listen[1], "127.0.0.1:1002", "a list may be divided by commas");
	config_free(config);

	config = load("--max-channels 3 --listen=127.0.0.1:5 --listen [::1]:5");
	is_number(config->max_channels, 3, "the command line wins over both");
	is_text(config->listen[0], "127.0.0.1:5", "a list of a stronger source replaces the weaker one's");
	is_text(config->listen[1], "[::1]:5", "and may be given flag by flag");
	is_text(config->listen[2], NULL, "and has no more");
	config_free(config);

	unsetenv("INVENTORY_RELAY_LISTEN");
	config = load("");
	is_text(config->listen[1], "[::1]:1", "or line by line");
	config_free(config);

	unsetenv("INVENTORY_RELAY_CONFIG");
	unsetenv("INVENTORY_RELAY_MAX_CHANNELS");
	snprintf(flags, sizeof flags, "--config %s", write_file("log-level = debug\n"));
	config = load(flags);
	is_text(config->log_level, "debug", "the file may be named by a flag");
	config_free(config);
}

static void
test_errors(void)
{
	static const struct
	{
		const char *flags;
		const char *error;
	} cases[] = {
		{"--nonsense 1", "there is no option \"--nonsense\"; try --help"},
		{"nonsense", "there is no option \"nonsense\"; try --help"},
		{"-listen x", "there is no option \"-listen\"; try --help"},
		{"--listen", "option --listen needs a value"},
		{"--listen shop.example:80", "option listen: \"shop.example:80\" is malformed"},
		{"--allow-origin *", "option allow-origin: \"*\" is malformed"},
		{"--max-channels many", "option max-channels: \"many\" is not a number"},
		{"--max-channels 0", "option max-channels: \"0\" is out of range (1 to 10000)"},
		{"--max-channels 5KiB", "option max-channels: \"5KiB\" is not a number"},
		{"--max-channels 99999999999999999999", "option max-channels: \"99999999999999999999\" is out of range (1 to 10000)"},
		{"--queue-size -18014398509481967KiB", "option queue-size: \"-18014398509481967KiB\" is out of range (65536 to 1073741824)"},
		{"--queue-size 1s", "option queue-size: \"1s\" is not a size such as 16KiB"},
		{"--queue-size 9000000000MiB", "option queue-size: \"9000000000MiB\" is out of range (65536 to 1073741824)"},
		{"--ping-interval 20", "option ping-interval: \"20\" is not a time such as 500ms or 5s"},
		{"--ping-interval 40s", "option ping-timeout: it must be longer than ping-interval"},
		{"--log-level loud", "option log-level: \"loud\" is none of error|warning|info|debug"},
		{"--log-level warn", "option log-level: \"warn\" is none of error|warning|info|debug"},
		{"--tls-key x", "options tls-certificate and tls-key: there must be both or neither"},
		{"--trusted-proxy proxy.example", "option trusted-proxy: \"proxy.example\" is malformed"},
		{"--exempt-address 10.0.0.0/40", "option exempt-address: \"10.0.0.0/40\" is malformed"},
		{"--event-loop uv", "option event-loop: \"uv\" is none of ev|poll"},
		{"--config /nonexistent/file",
		 "the configuration file \"/nonexistent/file\" cannot be read: No such file or directory"},
	};
	char flags[200];
	char wanted[200];
	const char *path;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
	{
		ok(load(cases[i].flags) == NULL, "%s is refused", cases[i].flags);
		is_text(buf_text(&error), cases[i].error, "with the reason");
	}
	path = write_file("max-channels = 5\nmax-chanels = 6\n");
	snprintf(flags, sizeof flags, "--config %s", path);
	snprintf(wanted, sizeof wanted, "%s, line 2: there is no option \"max-chanels\"", path);
	ok(load(flags) == NULL, "a misspelled line is refused");
	is_text(buf_text(&error), wanted, "with its number");
	write_file("just words\n");
	snprintf(wanted, sizeof wanted, "%s, line 1: \"name = value\" expected", path);
	ok(load(flags) == NULL, "so is one without a value");
	is_text(buf_text(&error), wanted, "with what was expected");
	unlink(path);
}

static void
test_reload(void)
{
	Config *config = load("--max-channels 3 --listen 127.0.0.1:1 --allow-origin http://a.example");
	Buf notes = {0};

	config_reload(config, load("--max-channels 4 --listen 127.0.0.1:2 --dsn host=x --allow-origin http://b.example"), &notes);
	is_number(config->max_channels, 4, "a reload changes what can be changed");
	is_text(config->allow_origin[0], "http://b.example", "lists too");
	is_text(config->listen[0], "127.0.0.1:1", "and leaves what cannot");
	is_text(config->dsn, "", "with its old value");
	is_text(buf_text(&notes), "listen, dsn", "naming what a restart would change");
	config_free(config);
	buf_free(&notes);
}

/* --help names the options of the file, and no others. */
static void
test_help(const char *shipped)
{
	static char printed[65536];
	FILE *out = fmemopen(printed, sizeof printed, "w");
	unsigned help_count = 0;
	unsigned file_count = 0;
	char *rest;

	config_print_help(out);
	fclose(out);
	for (const char *line = shipped; (line = strstr(line, "\n#")); line++)
		file_count += line[2] != ' ' && line[2] != '#';
	for (char *line = strtok_r(printed, "\n", &rest); line && strcmp(line, "Other") != 0; line = strtok_r(NULL, "\n", &rest))
	{
		char name[64];
		char wanted[80];

		if (sscanf(line, "  --%63s", name) != 1)
			continue;
		help_count++;
		snprintf(wanted, sizeof wanted, "\n#%s =", name);
		ok(strstr(shipped, wanted) != NULL, "the file has the option %s", name);
	}
	is_number(file_count, help_count, "the file has as many options as --help");
}

/* The file that is installed is the table's own print. */
static void
test_sample(void)
{
	static char printed[65536];
	static char shipped[65536];
	FILE *out = fmemopen(printed, sizeof printed, "w");
	FILE *file = fopen(RELAY_FOLDER "/inventory-relay.conf", "r");

	config_print_sample(out);
	fclose(out);
	shipped[fread(shipped, 1, sizeof shipped - 1, file)] = '\0';
	fclose(file);
	ok(strcmp(printed, shipped) == 0, "inventory-relay.conf is what --print-config prints");
	test_help(shipped);
}

int
main(void)
{
	test_defaults();
	test_order();
	test_errors();
	test_reload();
	test_sample();
	buf_free(&error);
	return tap_done();
}
