/*
 * crowd.h
 *	  Many WebSocket clients in one process, for the benchmarks.
 *
 * One epoll, one receive buffer, and a header of each frame read where it
 * lies: so that what is measured is the server's work and not the audience's.
 * What cannot go on ends the program with a message.
 */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Crowd Crowd;

/* A text frame has come, at a time in ns. */
typedef void (*CrowdText)(void *owner, int member, const char *text, size_t size, int64_t now_ns);

typedef struct CrowdOptions
{
	int port;
	int count;

	/*
	 * What each member says first, NULL for nothing; valid until the next call.
	 * So many frames with "subscribed" will show that it has been heard.
	 */
	const char *(*greeting)(void *owner, int member, int *confirmations);

	int receive_buffer; /* of each socket; 0: the kernel's default */
	CrowdText on_text;	/* not called before everybody is there */
	void *owner;
} CrowdOptions;

/* Connects all and returns when each is there. */
Crowd *crowd_open(const CrowdOptions *options);
void crowd_close(Crowd *crowd);

/* Reads what has come, or waits for it at most so long.  False when nothing came. */
bool crowd_read(Crowd *crowd, int timeout_ms);

/* A member says something more. */
void crowd_send(Crowd *crowd, int member, const char *text);

/* Members whose connection the server has ended. */
int crowd_lost_count(const Crowd *crowd);

/* Things every driver needs. */
int64_t clock_ns(void);
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* CPU time of a process and its threads, in ns. */
int64_t process_cpu_ns(int pid);

/* Resident memory, in KiB. */
long process_rss_kib(int pid);

/* Connects to a port of this machine. */
int port_open(int port);

/* Sorts and returns the element at a percentage. */
double percentile(double *values, size_t count, double percent);

#endif
