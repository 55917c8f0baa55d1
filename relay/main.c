/*
 * main.c
 *	  Starts the daemon: options, then everything in relay.c, then one loop.
 *
 * Exit status: 0 after SIGTERM, 1 when it could not start, 2 for wrong options.
 */
#include <stdio.h>
#include <stdlib.h>

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
	if (is_only_printing(action) || action == CONFIG_CHECK)
	{
		config_free(config);
		if (action == CONFIG_CHECK)
			printf("the configuration is fine\n");
		return 0;
	}
	relay = relay_new(config, argc, argv);
	if (!relay)
		return 1;
	relay_run(relay);
	relay_free(relay);
	return 0;
}
