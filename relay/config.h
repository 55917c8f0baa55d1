/*
 * config.h
 *	  What can be configured.
 *
 * One table (config.c) says for each option its name, kind, default, bounds,
 * help and whether a reload may change it.  It serves the command line, the
 * environment, the configuration file, --help and the shipped file.
 *
 * What is given on the command line wins over the environment, that over the
 * file, and that over the default.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"

/* Every member is set from the table. */
typedef struct Config
{
	char **listen; /* lists end with NULL */
	char **admin;
	char *tls_certificate;
	char *tls_key;
	char *event_loop;
	int64_t max_open_files;
	char *www;
	char **allow_origin;
	char **allow_host;

	char *jwt_secret;
	char *jwks;
	char **jwt_audience;
	char **jwt_issuer;
	int64_t jwt_leeway_ms;
	int64_t jwt_overlap_ms;
	char *anonymous;
	char *token_url;
	int64_t hello_timeout_ms;
	int64_t max_unidentified;
	int64_t recheck_interval_ms;

	char *dsn;
	char *organization;
	int64_t poll_interval_ms;
	int64_t stale_after_ms;
	int64_t connect_timeout_ms;
	int64_t query_timeout_ms;
	int64_t read_batch;
	int64_t ring_size;
	int64_t recent_events;
	int64_t inventory_limit;
	int64_t inventory_queue;
	int64_t snapshot_page;
	int64_t snapshot_queries;

	int64_t write_connections;
	int64_t write_batch;
	int64_t write_queue;
	int64_t write_queue_size;
	int64_t operations_per_second;
	int64_t operation_burst;
	int64_t max_batch;
	int64_t presence_grace_ms;
	int64_t presence_heartbeat_ms;

	int64_t max_connections;
	int64_t max_connections_per_address;
	int64_t max_connections_per_user;
	int64_t accept_rate;
	int64_t handshake_rate;
	int64_t handshake_timeout_ms;
	char **exempt_address;
	char **trusted_proxy;
	int64_t max_channels;
	int64_t max_presence;
	int64_t max_message_size;
	int64_t messages_per_second;
	int64_t message_burst;
	int64_t max_rate;
	int64_t conflate_size;
	int64_t conflate_after_ms;
	int64_t queue_size;
	int64_t total_queue_size;
	int64_t ping_interval_ms;
	int64_t ping_timeout_ms;
	int64_t drain_timeout_ms;
	int64_t reconnect_window_ms;

	char *log_level;
	char *log_format;
} Config;

typedef enum ConfigAction
{
	CONFIG_RUN,
	CONFIG_CHECK,	/* --check-config */
	CONFIG_HELP,	/* --help */
	CONFIG_VERSION, /* --version */
	CONFIG_SAMPLE	/* --print-config: the file with every option commented out */
} ConfigAction;

/*
 * Reads all sources.  NULL fills *error with one sentence, to be freed with
 * buf_free().  action may be NULL (on reload).
 */
Config *config_load(int argc, char *const *argv, ConfigAction *action, Buf *error);
void config_free(Config *config);

/*
 * Moves the reloadable options of `fresh` into config and appends to notes the
 * names of others that differ, which need a restart.  Frees fresh.
 */
void config_reload(Config *config, Config *take_fresh, Buf *notes);

void config_print_help(FILE *out);
void config_print_sample(FILE *out);

#endif
