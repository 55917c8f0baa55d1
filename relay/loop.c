/*
 * loop.c
 *	  The one event loop: descriptors, timers, signals.
 *
 * libwebsockets runs the loop, either on its own poll() or on libev.  Foreign
 * descriptors enter as "raw files" of a virtual host that listens nowhere.
 * The library owns and closes what it is given, hence the dup().
 *
 * Timers do not use the library's: with libev, version 4.1.6 re-arms its timer
 * only when it has fired, so a shorter one set meanwhile comes late.  Ours
 * hang, sorted, on one timerfd, which is exact on either loop.
 *
 * Poll looks at every descriptor on each turn.  It is as good as libev for a
 * hundred clients, costs a tenth more for 1,000 and nearly twice as much for
 * 8,000 (65 against 118 thousand frames per second and core, test/bench/).
 */
#include "loop.h"

#include <libwebsockets.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "list.h"
#include "log.h"

/* Room for the header block of one request, a bearer token included. */
#define HEADER_DATA_SIZE 8192

/* One read from a socket.  Larger messages arrive in several. */
#define READ_BUFFER_SIZE 4096

/* The library's own patience, longer than the one we have (ws.c). */
#define HTTP_TIMEOUT_SECONDS 65

struct LoopWatch
{
	struct lws *wsi;
	const WatchHandlers *handlers;
	void *owner;
	bool is_writing;	  /* inside on_writable */
	bool wants_more_room; /* asked for again from there */
	LoopTimer *again;
};

struct LoopTimer
{
	Loop *loop;
	ListNode in_loop;
	int64_t due_us;
	void (*on_due)(void *owner);
	void *owner;
};

struct Loop
{
	struct lws_context *context;
	struct lws_vhost *vhost;
	bool is_ev;
	unsigned fd_limit;
	bool is_stopping;

	List timers; /* sorted by due time */
	int timer_fd;
	LoopWatch *timer_watch;

	int signal_fd;
	LoopWatch *signal_watch;
	sigset_t signals;
	void (*on_signal)(void *owner, int signal_number);
	void *signal_owner;
};

static int watch_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size);

static const struct lws_protocols watch_protocols[] = {
	{.name = "watch", .callback = watch_callback},
	{0},
};

static void
log_library(int level, const char *line)
{
	static LogGate gate;
	char text[LOG_LINE_SIZE];

	snprintf(text, sizeof text, "%s", line);
	text[strcspn(text, "\n")] = '\0';
	if (level & LLL_ERR)
		log_gated(&gate, "libwebsockets: %s", text);
	else
		log_debug("libwebsockets: %s", text);
}

/*
 * The limit is set here, on purpose, because the library sizes its tables by
 * it and, on a limit beyond ten million (usual in containers), silently takes
 * 2560 instead.
 */
static unsigned
set_fd_limit(unsigned wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return wanted;
	limit.rlim_cur = wanted;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
	{
		struct rlimit raised = {wanted, wanted};

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			return wanted;
		limit.rlim_cur = limit.rlim_max;
		log_warning("only %u open files are allowed, not %u: raise the limit (LimitNOFILE=)",
					(unsigned) limit.rlim_cur, wanted);
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	return (unsigned) limit.rlim_cur;
}

unsigned
loop_fd_limit(const Loop *loop)
{
	return loop->fd_limit;
}

static bool
create_context(Loop *loop)
{
	struct lws_context_creation_info info = {
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
				   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
				   (loop->is_ev ? LWS_SERVER_OPTION_LIBEV : 0),
		.fd_limit_per_thread = loop->fd_limit,
		.max_http_header_data = HEADER_DATA_SIZE,
		.pt_serv_buf_size = READ_BUFFER_SIZE,
		.timeout_secs = HTTP_TIMEOUT_SECONDS,
		.alpn = "http/1.1",
		.gid = (gid_t) -1,
		.uid = (uid_t) -1,
	};
	struct lws_context_creation_info vhost = {
		.vhost_name = "descriptors",
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = watch_protocols,
	};

	lws_set_log_level(LLL_ERR | LLL_WARN, log_library);
	loop->context = lws_create_context(&info);
	if (!loop->context)
	{
		if (loop->is_ev)
			log_error("the libev loop of libwebsockets could not be loaded; install the package "
					  "libwebsockets-evlib-ev or set event-loop = poll");
		else
			log_error("libwebsockets could not be set up");
		return false;
	}
	loop->vhost = lws_create_vhost(loop->context, &vhost);
	return loop->vhost != NULL;
}

static void run_due_timers(void *owner);

static bool
watch_timers(Loop *loop)
{
	static const WatchHandlers handlers = {.on_readable = run_due_timers};

	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0)
		return false;
	loop->timer_watch = loop_watch(loop, loop->timer_fd, &handlers, loop);
	return loop->timer_watch != NULL;
}

Loop *
loop_new(const char *kind, unsigned fd_limit)
{
	Loop *loop = calloc(1, sizeof *loop);

	if (!loop)
		return NULL;
	loop->is_ev = strcmp(kind, "ev") == 0;
	loop->timer_fd = loop->signal_fd = -1;
	list_init(&loop->timers);
	loop->fd_limit = set_fd_limit(fd_limit);
	if (create_context(loop) && watch_timers(loop))
		return loop;
	loop_free(loop);
	return NULL;
}

void
loop_free(Loop *loop)
{
	if (!loop)
		return;
	loop_watch_free(loop->timer_watch);
	loop_watch_free(loop->signal_watch);
	if (loop->context)
		lws_context_destroy(loop->context);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	free(loop);
}

/* lws_service() is one turn of poll, or with libev the whole run. */
void
loop_run(Loop *loop)
{
	while (!loop->is_stopping && lws_service(loop->context, 0) >= 0)
		;
}

/*
 * The library offers no way out of libev's run but its handler of SIGINT, and
 * destroying the context from inside unloads the code that is running.  So we
 * let the signal through and send it to ourselves.
 */
void
loop_stop(Loop *loop)
{
	sigset_t interrupt;

	if (loop->is_stopping)
		return;
	loop->is_stopping = true;
	if (!loop->is_ev)
		return;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
	raise(SIGINT);
}

struct lws_context *
loop_context(Loop *loop)
{
	return loop->context;
}

/* Watches */

static void
ask_again(void *owner)
{
	LoopWatch *watch = owner;

	if (watch->wsi)
		lws_callback_on_writable(watch->wsi);
}

LoopWatch *
loop_watch(Loop *loop, int fd, const WatchHandlers *handlers, void *owner)
{
	LoopWatch *watch = calloc(1, sizeof *watch);
	lws_adopt_desc_t adoption = {
		.vh = loop->vhost,
		.type = LWS_ADOPT_RAW_FILE_DESC,
		.vh_prot_name = "watch",
		.opaque = watch,
	};

	if (!watch)
		return NULL;
	watch->handlers = handlers;
	watch->owner = owner;
	watch->again = loop_timer_new(loop, ask_again, watch);
	adoption.fd.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (watch->again && adoption.fd.filefd >= 0)
		watch->wsi = lws_adopt_descriptor_vhost_via_info(&adoption);
	if (watch->wsi)
		return watch;
	if (adoption.fd.filefd >= 0)
		close(adoption.fd.filefd);
	loop_timer_free(watch->again);
	free(watch);
	return NULL;
}

LoopWatch *
loop_watch_room(Loop *loop, int fd, const WatchHandlers *handlers, void *owner)
{
	LoopWatch *watch = loop_watch(loop, fd, handlers, owner);

	if (!watch)
		return NULL;
	lws_rx_flow_control(watch->wsi, 0);
	lws_callback_on_writable(watch->wsi);
	return watch;
}

/*
 * The library clears the wish after its writable callback, so one made inside
 * it is kept and made again on the next turn.
 */
void
loop_watch_want_write(LoopWatch *watch)
{
	if (watch->is_writing)
		watch->wants_more_room = true;
	else
		lws_callback_on_writable(watch->wsi);
}

void
loop_watch_free(LoopWatch *watch)
{
	if (!watch)
		return;
	if (watch->wsi)
	{
		lws_set_opaque_user_data(watch->wsi, NULL);
		lws_set_timeout(watch->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	}
	loop_timer_free(watch->again);
	free(watch);
}

static int
handle_readable(struct lws *wsi)
{
	LoopWatch *watch = lws_get_opaque_user_data(wsi);

	if (!watch)
		return -1;
	watch->handlers->on_readable(watch->owner);
	return 0;
}

static int
handle_writable(struct lws *wsi)
{
	LoopWatch *watch = lws_get_opaque_user_data(wsi);

	if (!watch)
		return -1;
	watch->is_writing = true;
	if (watch->handlers->on_writable)
		watch->handlers->on_writable(watch->owner);
	watch = lws_get_opaque_user_data(wsi); /* the handler may have freed it */
	if (!watch)
		return -1;
	watch->is_writing = false;
	if (watch->wants_more_room)
		loop_timer_start(watch->again, 0);
	watch->wants_more_room = false;
	return 0;
}

static int
handle_closed(struct lws *wsi)
{
	LoopWatch *watch = lws_get_opaque_user_data(wsi);

	if (!watch)
		return 0;
	watch->wsi = NULL;
	if (watch->handlers->on_closed)
		watch->handlers->on_closed(watch->owner);
	return 0;
}

static int
watch_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size)
{
	(void) user, (void) in, (void) size;
	switch (reason)
	{
		case LWS_CALLBACK_RAW_RX_FILE:
			return handle_readable(wsi);
		case LWS_CALLBACK_RAW_WRITEABLE_FILE:
			return handle_writable(wsi);
		case LWS_CALLBACK_RAW_CLOSE_FILE:
			return handle_closed(wsi);
		default:
			return 0;
	}
}

/* Timers */

static void
arm(Loop *loop)
{
	ListNode *first = list_first(&loop->timers);
	int64_t due_us = first ? list_object(first, LoopTimer, in_loop)->due_us : 0;
	struct itimerspec when = {
		.it_value = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000},
	};

	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void
run_due_timers(void *owner)
{
	Loop *loop = owner;
	int64_t now_us = clock_monotonic_us();
	uint64_t expirations;
	ListNode *first;

	if (read(loop->timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
		log_error("the timer could not be read: %s", strerror(errno));
	while ((first = list_first(&loop->timers)))
	{
		LoopTimer *timer = list_object(first, LoopTimer, in_loop);

		if (timer->due_us > now_us)
			break;
		list_remove(first);
		timer->on_due(timer->owner);
	}
	arm(loop);
}

LoopTimer *
loop_timer_new(Loop *loop, void (*on_due)(void *owner), void *owner)
{
	LoopTimer *timer = calloc(1, sizeof *timer);

	if (!timer)
		return NULL;
	timer->loop = loop;
	timer->on_due = on_due;
	timer->owner = owner;
	return timer;
}

void
loop_timer_start(LoopTimer *timer, int64_t delay_ms)
{
	List *timers = &timer->loop->timers;
	ListNode *before;

	list_remove(&timer->in_loop);
	timer->due_us = clock_monotonic_us() + delay_ms * 1000 + 1;
	before = timers->head.previous;
	while (before != &timers->head && list_object(before, LoopTimer, in_loop)->due_us > timer->due_us)
		before = before->previous;
	list_insert_after(before, &timer->in_loop);
	if (list_first(timers) == &timer->in_loop)
		arm(timer->loop);
}

/* The timerfd is left as it is: at worst it wakes us once for nothing. */
void
loop_timer_stop(LoopTimer *timer)
{
	list_remove(&timer->in_loop);
}

bool
loop_timer_is_started(const LoopTimer *timer)
{
	return list_is_linked(&timer->in_loop);
}

void
loop_timer_free(LoopTimer *timer)
{
	if (!timer)
		return;
	loop_timer_stop(timer);
	free(timer);
}

/* Signals */

static void
read_signals(void *owner)
{
	Loop *loop = owner;
	struct signalfd_siginfo info;

	while (read(loop->signal_fd, &info, sizeof info) == sizeof info)
		loop->on_signal(loop->signal_owner, (int) info.ssi_signo);
}

bool
loop_watch_signals(Loop *loop, const int *signals, unsigned count,
				   void (*on_signal)(void *owner, int signal_number), void *owner)
{
	static const WatchHandlers handlers = {.on_readable = read_signals};

	sigemptyset(&loop->signals);
	for (unsigned i = 0; i < count; i++)
		sigaddset(&loop->signals, signals[i]);
	loop->on_signal = on_signal;
	loop->signal_owner = owner;
	sigprocmask(SIG_BLOCK, &loop->signals, NULL);
	loop->signal_fd = signalfd(-1, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop->signal_fd < 0)
		return false;
	loop->signal_watch = loop_watch(loop, loop->signal_fd, &handlers, loop);
	return loop->signal_watch != NULL;
}
