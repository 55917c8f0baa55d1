/*
 * crowd.c
 *	  Many WebSocket clients in one process, for the benchmarks.
 *
 * A frame that has come in whole is read in the buffer all members share; of
 * one that has not, the beginning is kept with its member.
 */
#include "crowd.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_SIZE (1 << 18)
#define EVENT_COUNT 256
#define MESSAGE_SIZE 16384

#define OPCODE_TEXT 1
#define OPCODE_PING 9
#define OPCODE_PONG 10

/* Connected at a time, so that nobody waits in the server's backlog for long. */
#define CONNECT_SLICE 200
#define GIVE_UP_MS 20000

typedef struct Member
{
	int fd; /* -1 when the server has closed */
	bool is_upgraded;
	int confirmations; /* still to come */
	char *rest;		   /* the beginning of a frame */
	size_t rest_size;
} Member;

struct Crowd
{
	CrowdOptions options;
	Member *members;
	int epoll_fd;
	int ready_count;
	int lost_count;
	bool is_open; /* everybody is there */
	char *buffer;
};

void
die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

int64_t
clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Of every thread: Node collects garbage on others than its main one. */
int64_t
process_cpu_ns(int pid)
{
	char path[300];
	int64_t total = 0;
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		die("process %d is gone", pid);
	while ((entry = readdir(tasks)))
	{
		long long spent = 0;
		FILE *file;

		snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (file && fscanf(file, "%lld", &spent) == 1)
			total += spent;
		if (file)
			fclose(file);
	}
	closedir(tasks);
	return total;
}

long
process_rss_kib(int pid)
{
	char path[64];
	char line[200];
	long size = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	file = fopen(path, "r");
	if (!file)
		die("process %d is gone", pid);
	while (fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %ld", &size) == 1)
			break;
	fclose(file);
	return size;
}

static int
compare(const void *one, const void *other)
{
	double a = *(const double *) one;
	double b = *(const double *) other;

	return (a > b) - (a < b);
}

double
percentile(double *values, size_t count, double percent)
{
	size_t at = (size_t) ((double) count * percent / 100);

	if (!count)
		die("nothing was measured");
	qsort(values, count, sizeof *values, compare);
	return values[at < count ? at : count - 1];
}

/* Connecting */

static int
connect_to(int port, int receive_buffer)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (receive_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) != 0)
		die("cannot connect to port %d: %s", port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

int
port_open(int port)
{
	return connect_to(port, 0);
}

/* A client's frames are masked; ours with zeros. */
static size_t
append_frame(char *room, unsigned char opcode, const char *text, size_t size)
{
	size_t head = 2;

	room[0] = (char) (0x80 | opcode);
	if (size < 126)
		room[1] = (char) (0x80 | size);
	else
	{
		room[1] = (char) (0x80 | 126);
		room[head++] = (char) (size >> 8);
		room[head++] = (char) size;
	}
	memset(room + head, 0, 4);
	memcpy(room + head + 4, text, size);
	return head + 4 + size;
}

static void
write_whole(const Member *member, const char *bytes, size_t size)
{
	if (write(member->fd, bytes, size) != (ssize_t) size)
		die("the server did not take what a client says");
}

static void
knock(Crowd *crowd, int number)
{
	char request[400];
	const CrowdOptions *options = &crowd->options;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t) number};
	Member *member = &crowd->members[number];
	int size = snprintf(request, sizeof request,
						"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
						"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
						options->port);

	member->fd = connect_to(options->port, options->receive_buffer);
	write_whole(member, request, (size_t) size);
	fcntl(member->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(crowd->epoll_fd, EPOLL_CTL_ADD, member->fd, &event);
}

static void
say(const Member *member, const char *text)
{
	static char message[MESSAGE_SIZE + 8];

	if (strlen(text) > MESSAGE_SIZE)
		die("a client has too much to say");
	write_whole(member, message, append_frame(message, OPCODE_TEXT, text, strlen(text)));
}

static void
greet(Crowd *crowd, Member *member)
{
	const CrowdOptions *options = &crowd->options;
	const char *text = options->greeting(options->owner, (int) (member - crowd->members), &member->confirmations);

	if (!text)
		return;
	say(member, text);
}

static void
raise_file_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

Crowd *
crowd_open(const CrowdOptions *options)
{
	Crowd *crowd = calloc(1, sizeof *crowd);
	int64_t deadline;

	raise_file_limit();
	crowd->options = *options;
	crowd->members = calloc((size_t) options->count, sizeof *crowd->members);
	crowd->buffer = malloc(RECEIVE_SIZE);
	crowd->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int next = 0; next < options->count;)
	{
		for (int i = 0; i < CONNECT_SLICE && next < options->count; i++)
			knock(crowd, next++);
		deadline = clock_ns() + GIVE_UP_MS * 1000000LL;
		while (crowd->ready_count < next)
		{
			crowd_read(crowd, 100);
			if (clock_ns() > deadline || crowd->lost_count)
				die("only %d of %d clients got in", crowd->ready_count, options->count);
		}
	}
	crowd->is_open = true;
	return crowd;
}

static void
hang_up(Crowd *crowd, Member *member)
{
	(void) crowd;
	if (member->fd >= 0)
		close(member->fd);
	member->fd = -1;
	free(member->rest);
	member->rest = NULL;
	member->rest_size = 0;
}

void
crowd_close(Crowd *crowd)
{
	for (int i = 0; i < crowd->options.count; i++)
		hang_up(crowd, &crowd->members[i]);
	close(crowd->epoll_fd);
	free(crowd->buffer);
	free(crowd->members);
	free(crowd);
}

void
crowd_send(Crowd *crowd, int number, const char *text)
{
	say(&crowd->members[number], text);
}

int
crowd_lost_count(const Crowd *crowd)
{
	return crowd->lost_count;
}

/* Reading */

static void
confirm(Crowd *crowd, Member *member)
{
	if (member->is_upgraded && !member->confirmations)
		crowd->ready_count++;
}

static void
take_text(Crowd *crowd, Member *member, const char *text, size_t size, int64_t now_ns)
{
	if (crowd->is_open)
		crowd->options.on_text(crowd->options.owner, (int) (member - crowd->members), text, size, now_ns);
	else if (member->confirmations && memmem(text, size, "\"subscribed\"", 12))
	{
		member->confirmations--;
		confirm(crowd, member);
	}
	else if (memmem(text, size, "\"error\"", 7))
		die("the server answered %.*s", (int) size, text);
}

static void
answer_ping(const Member *member, const char *text, size_t size)
{
	char pong[140];

	write_whole(member, pong, append_frame(pong, OPCODE_PONG, text, size));
}

/* Takes whole frames from the front; returns how many bytes that was. */
static size_t
take_frames(Crowd *crowd, Member *member, const char *bytes, size_t size, int64_t now_ns)
{
	size_t at = 0;

	while (size - at >= 2)
	{
		const unsigned char *frame = (const unsigned char *) bytes + at;
		size_t head = 2;
		size_t length = frame[1] & 0x7f;

		if (length >= 126)
		{
			size_t wide = length == 126 ? 2 : 8;

			if (size - at < head + wide)
				break;
			length = 0;
			for (size_t i = 0; i < wide; i++)
				length = length << 8 | frame[head++];
		}
		if (size - at < head + length)
			break;
		if ((frame[0] & 0x0f) == OPCODE_TEXT)
			take_text(crowd, member, bytes + at + head, length, now_ns);
		else if ((frame[0] & 0x0f) == OPCODE_PING)
			answer_ping(member, bytes + at + head, length);
		at += head + length;
	}
	return at;
}

static size_t
take_response(Crowd *crowd, Member *member, const char *bytes, size_t size)
{
	const char *end = memmem(bytes, size, "\r\n\r\n", 4);

	if (!end)
		return 0;
	if (strncmp(bytes, "HTTP/1.1 101 ", 13) != 0)
		die("the server answered %.*s", (int) (end - bytes), bytes);
	member->is_upgraded = true;
	greet(crowd, member);
	confirm(crowd, member);
	return (size_t) (end + 4 - bytes);
}

static void
keep_rest(Member *member, const char *bytes, size_t size)
{
	char *rest = size ? malloc(size) : NULL;

	if (size)
		memcpy(rest, bytes, size);
	free(member->rest);
	member->rest = rest;
	member->rest_size = size;
}

static void
read_member(Crowd *crowd, Member *member)
{
	size_t size = member->rest_size;
	size_t taken = 0;
	ssize_t got;

	if (size)
		memcpy(crowd->buffer, member->rest, size);
	got = read(member->fd, crowd->buffer + size, RECEIVE_SIZE - size);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
	{
		crowd->lost_count++;
		hang_up(crowd, member);
		return;
	}
	size += (size_t) got;
	if (!member->is_upgraded)
		taken = take_response(crowd, member, crowd->buffer, size);
	if (member->is_upgraded)
		taken += take_frames(crowd, member, crowd->buffer + taken, size - taken, clock_ns());
	if (size - taken || member->rest_size)
		keep_rest(member, crowd->buffer + taken, size - taken);
}

bool
crowd_read(Crowd *crowd, int timeout_ms)
{
	struct epoll_event events[EVENT_COUNT];
	int count = epoll_wait(crowd->epoll_fd, events, EVENT_COUNT, timeout_ms);

	for (int i = 0; i < count; i++)
		read_member(crowd, &crowd->members[events[i].data.u32]);
	return count > 0;
}
