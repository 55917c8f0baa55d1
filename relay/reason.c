/*
 * reason.c
 *	  Why a session ends: number, text and what the client should do.
 */
#include "reason.h"

static const struct
{
	int code;
	const char *text;
} reasons[REASON_COUNT] = {
	[REASON_NONE] = {0, "closed by the peer"},
	[REASON_TOO_LARGE] = {1009, "message too large"},
	[REASON_BINARY] = {1003, "binary messages are not understood"},
	[REASON_INTERNAL] = {1011, "out of memory"},
	[REASON_OVERLOADED] = {4100, "too many messages"},
	[REASON_SLOW_READER] = {4101, "slow reader"},
	[REASON_DRAIN] = {4200, "the relay restarts"},
	[REASON_STALE] = {4202, "the event log begins anew"},
};

int
reason_code(Reason reason)
{
	return reasons[reason].code;
}

const char *
reason_text(Reason reason)
{
	return reasons[reason].text;
}
