/*
 * reason.h
 *	  Why a session ends: number, text and what the client should do.
 *
 * The one list of close codes; docs/protocol.md says the same.  4000-4099
 * stop, 4100-4199 back off, 4200-4299 come back soon.
 */
#ifndef REASON_H
#define REASON_H

typedef enum Reason
{
	REASON_NONE,		   /* the client closed, or the line broke */
	REASON_TOO_LARGE,	   /* 1009 */
	REASON_BINARY,		   /* 1003 */
	REASON_INTERNAL,	   /* 1011 */
	REASON_UNAUTHORIZED,   /* 4001 */
	REASON_FORBIDDEN,	   /* 4003 */
	REASON_PROTOCOL,	   /* 4009 */
	REASON_OVERLOADED,	   /* 4100 */
	REASON_SLOW_READER,	   /* 4101 */
	REASON_UNAVAILABLE,	   /* 4102 */
	REASON_CROWDED,		   /* 4103 */
	REASON_DRAIN,		   /* 4200 */
	REASON_TOKEN_EXPIRED,  /* 4201 */
	REASON_STALE,		   /* 4202 */
	REASON_ACCESS_CHANGED, /* 4203 */
	REASON_COUNT
} Reason;

/* The WebSocket close code; 0 for REASON_NONE. */
int reason_code(Reason reason);

/* A short phrase, for the close frame and the log. */
const char *reason_text(Reason reason);

#endif
