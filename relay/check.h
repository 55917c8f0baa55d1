/*
 * check.h
 *	  Whether a configuration can be run with: what its options name, and
 *	  what they mean together.
 *
 * The same for --check-config, a start and a reload, so that none of them
 * finds out half-way.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>

#include "buf.h"
#include "config.h"

/* Reads keys and certificates, and uses none.  False fills error with one sentence. */
bool check_config(const Config *config, Buf *error);

#endif
