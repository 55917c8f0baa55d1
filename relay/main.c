/*
 * main.c
 *	  Starts the daemon: options, then everything in relay.c, then one loop.
 *
 * Exit status: 0 after SIGTERM, 1 when it could not start, 2 for wrong options.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "config.h"
#include "log.h"
#include "relay.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

/* Handles the actions that print and exit. */
static bool
is_only_printing(ConfigAction action)
{
	switch (action)
	{
		case CONFIG_HELP:
			config_print_help(stdout);
			return true;
		case CONFIG_VERSION:
			printf("inventory-relay %s\n", VERSION);
			return true;
		case CONFIG_SAMPLE:
			config_print_sample(stdout);
			return true;
		default:
			return false;
	}
}

static int
check(Config *take_config)
{
	Buf error = {0};
	bool is_fine = check_config(take_config, &error);

	if (is_fine)
		printf("the configuration is fine\n");
	else
		log_error("%s", buf_text(&error));
	buf_free(&error);
	config_free(take_config);
	return is_fine ? 0 : 2;
}

int
main(int argc, char **argv)
{
	ConfigAction action;
	Buf error = {0};
	Config *config = config_load(argc, argv, &action, &error);
	Relay *relay;

	if (!config)
	{
		log_error("%s", buf_text(&error));
		buf_free(&error);
		return 2;
	}
	if (is_only_printing(action))
	{
		config_free(config);
		return 0;
	}
	if (action == CONFIG_CHECK)
		return check(config);
	relay = relay_new(config, argc, argv);
	if (!relay)
		return 1;
	relay_run(relay);
	relay_free(relay);
	return 0;
}
