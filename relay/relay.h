/*
 * relay.h
 *	  The daemon: events come in from the database and go out to sessions.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>

#include "config.h"

typedef struct Relay Relay;

/*
 * Sets everything up and listens.  Takes the configuration in every case.
 * argc and argv are read again on reload and must stay.  NULL after logging.
 */
Relay *relay_new(Config *take_config, int argc, char *const *argv);
void relay_free(Relay *relay);

/* Runs until SIGTERM or SIGINT, and drains. */
void relay_run(Relay *relay);

#endif
