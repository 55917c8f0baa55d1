/*
 * loop.h
 *	  The one event loop: descriptors, timers, signals.
 *
 * Everything the daemon waits for waits here.  Handlers run one at a time, on
 * one thread, and must not block.  A handler may free its own watch or timer.
 */
#ifndef LOOP_H
#define LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Loop Loop;
typedef struct LoopWatch LoopWatch;
typedef struct LoopTimer LoopTimer;

typedef struct WatchHandlers
{
	void (*on_readable)(void *owner);
	void (*on_writable)(void *owner); /* once after each loop_watch_want_write() */
	void (*on_closed)(void *owner);	  /* the watch is gone; do not free it */
} WatchHandlers;

/*
 * "ev" needs the libev plugin of libwebsockets (a package of its own), "poll"
 * is built in.  fd_limit becomes the limit of open files of this process.
 * NULL after logging what is missing.
 */
Loop *loop_new(const char *kind, unsigned fd_limit);

/* Files and sockets this process may have open. */
unsigned loop_fd_limit(const Loop *loop);

/* Every watch and timer must be gone, or its owner past caring.  NULL is fine. */
void loop_free(Loop *loop);

/* Handles events until loop_stop(). */
void loop_run(Loop *loop);

/* Makes loop_run() return soon.  To be called from a handler. */
void loop_stop(Loop *loop);

/*
 * Watches a descriptor.  The loop takes a dup() of it, which it closes itself,
 * so the caller keeps and closes its own.  NULL when the loop is full.
 */
LoopWatch *loop_watch(Loop *loop, int fd, const WatchHandlers *handlers, void *owner);
void loop_watch_want_write(LoopWatch *watch);

/* Watches only for room to write, once: on_writable is called, or on_closed. */
LoopWatch *loop_watch_room(Loop *loop, int fd, const WatchHandlers *handlers, void *owner);

/* No handler of the watch runs any more.  NULL is fine. */
void loop_watch_free(LoopWatch *watch);

/* A timer that is not started.  NULL without memory. */
LoopTimer *loop_timer_new(Loop *loop, void (*on_due)(void *owner), void *owner);

/* Due once, after so many milliseconds; starting again moves it. */
void loop_timer_start(LoopTimer *timer, int64_t delay_ms);
void loop_timer_stop(LoopTimer *timer);
bool loop_timer_is_started(const LoopTimer *timer);
void loop_timer_free(LoopTimer *timer);

/* Blocks these signals for the process and hands them to on_signal instead. */
bool loop_watch_signals(Loop *loop, const int *signals, unsigned count,
						void (*on_signal)(void *owner, int signal_number), void *owner);

/* For ws.c, which serves its sockets on the same loop. */
struct lws_context;
struct lws_context *loop_context(Loop *loop);

#endif
