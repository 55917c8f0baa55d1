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
	[REASON_UNAUTHORIZED] = {4001, "unauthorized"},
	[REASON_FORBIDDEN] = {4003, "forbidden"},
	[REASON_PROTOCOL] = {4009, "not what the protocol says"},
	[REASON_OVERLOADED] = {4100, "too many messages"},
	[REASON_SLOW_READER] = {4101, "slow reader"},
	[REASON_UNAVAILABLE] = {4102, "the database cannot be asked now"},
	[REASON_CROWDED] = {4103, "too many connections of this user"},
	[REASON_DRAIN] = {4200, "the relay restarts"},
	[REASON_TOKEN_EXPIRED] = {4201, "the token has expired"},
	[REASON_STALE] = {4202, "the event log begins anew"},
	[REASON_ACCESS_CHANGED] = {4203, "access changed"},
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
