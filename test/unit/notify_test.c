/*
 * notify_test.c
 *	  What the service manager is told.
 */
#include "notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"

/* Listens as systemd does; the name is a path, or begins with '@'. */
static int
listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	strcpy(address.sun_path, name);
	if (*name == '@')
		address.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *) &address, (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(name))) < 0)
		perror("bind");
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static const char *
heard(int fd)
{
	static char text[1024];
	ssize_t size = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	text[size > 0 ? size : 0] = '\0';
	return text;
}

static void
test_told(const char *name)
{
	int fd = listen_at(name);
	long long at_us;

	notify_ready();
	is_text(heard(fd), "READY=1", "it is told that it is ready");
	notify_status("following\nSTOPPING=1");
	is_text(heard(fd), "STATUS=following", "and how it goes, in one line");
	notify_reloading();
	ok(sscanf(heard(fd), "RELOADING=1\nMONOTONIC_USEC=%lld", &at_us) == 1 && at_us > 0, "that it reloads, and when that was");
	notify_alive();
	is_text(heard(fd), "WATCHDOG=1", "that it lives");
	notify_stopping();
	is_text(heard(fd), "STOPPING=1", "and that it ends");
	is_text(heard(fd), "", "and nothing else");
	close(fd);
	notify_ready();
	ok(true, "nobody listening does no harm");
}

int
main(void)
{
	char path[64];
	char number[24];

	unsetenv("NOTIFY_SOCKET");
	notify_ready();
	snprintf(path, sizeof path, "/tmp/notify_test_%d", (int) getpid());
	test_told(path);
	unlink(path);
	snprintf(path, sizeof path, "@notify_test_%d", (int) getpid());
	test_told(path);
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_ready();

	is_number(notify_watchdog_ms(), 0, "without a watchdog no sign is wanted");
	setenv("WATCHDOG_USEC", "10000000", 1);
	is_number(notify_watchdog_ms(), 5000, "with one, in half of its time");
	snprintf(number, sizeof number, "%d", (int) getpid());
	setenv("WATCHDOG_PID", number, 1);
	is_number(notify_watchdog_ms(), 5000, "when it is we who are watched");
	setenv("WATCHDOG_PID", "1", 1);
	is_number(notify_watchdog_ms(), 0, "and not when it is another");
	return tap_done();
}
