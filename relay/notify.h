/*
 * notify.h
 *	  Tells the service manager how it goes (sd_notify).
 *
 * The protocol is a datagram of lines to the socket that the environment names,
 * which needs no library.  Without such a socket nothing is told.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

void notify_ready(void);
void notify_reloading(void); /* to be followed by notify_ready() */
void notify_stopping(void);

/* A line for people, shown by systemctl status. */
void notify_status(const char *text);

/* A sign of life, wanted at least every notify_watchdog_ms(); 0: nobody waits for it. */
void notify_alive(void);
int64_t notify_watchdog_ms(void);

#endif
