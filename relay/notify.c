/*
 * notify.c
 *	  Tells the service manager how it goes (sd_notify).
 *
 * Failure is ignored: there is nobody else to tell, and a relay that serves
 * must not end for it.
 */
#include "notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

/* A path, or with '@' in place of its first byte, NUL, a name without a file. */
static void
notify_send(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = path ? strlen(path) : 0;
	int fd;

	if (!size || size >= sizeof address.sun_path || !strchr("/@", *path))
		return;
	memcpy(address.sun_path, path, size);
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *) &address,
		   (socklen_t) (offsetof(struct sockaddr_un, sun_path) + size));
	close(fd);
}

void
notify_ready(void)
{
	notify_send("READY=1");
}

void
notify_reloading(void)
{
	char text[64];

	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long) clock_monotonic_us());
	notify_send(text);
}

void
notify_stopping(void)
{
	notify_send("STOPPING=1");
}

void
notify_status(const char *text)
{
	char line[256];

	snprintf(line, sizeof line, "STATUS=%s", text);
	line[strcspn(line, "\n")] = '\0';
	notify_send(line);
}

void
notify_alive(void)
{
	notify_send("WATCHDOG=1");
}

/* Half of the time after which we are ended, as systemd asks for; only if it is we who are meant. */
int64_t
notify_watchdog_ms(void)
{
	const char *time = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	int64_t time_us = time ? strtoll(time, NULL, 10) : 0;

	if (time_us <= 0 || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return time_us >= 2000 ? time_us / 2000 : 1;
}
