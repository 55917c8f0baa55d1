/*
 * access.h
 *	  Asks the database what somebody may see, and keeps the answer.
 *
 * An answer is shared by all sessions with the same claims, kept while there
 * is one, and asked for again every now and then for what changes without an
 * event.  When rights change, the answers about that subject are forgotten,
 * those on their way included: they may be older than the change.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdbool.h>

#include "desk.h"
#include "scope.h"

typedef struct Access Access;
typedef struct Identity Identity;

typedef enum AccessVerdict
{
	ACCESS_GRANTED,
	ACCESS_DENIED,
	ACCESS_UNAVAILABLE /* the database cannot be asked */
} AccessVerdict;

/* scope is NULL unless ACCESS_GRANTED; borrowed. */
typedef void (*AccessAnswer)(void *line, AccessVerdict verdict, Scope *scope);

/* Rights turned out to have changed when they were asked for again. */
typedef void (*AccessChanged)(void *owner, const char *organization, const char *subject);

/* NULL without memory.  Nothing is asked any more when the desk has gone. */
Access *access_new(Loop *loop, Desk *desk, AccessChanged on_changed, void *owner);

/* The loop is about to go: nothing is asked any more. */
void access_end(Access *access);

/* Questions still open get no answer.  NULL is fine. */
void access_free(Access *access);

/*
 * The identity of verified claims, to be given back with access_leave().  NULL
 * without memory.
 */
Identity *access_enter(Access *access, const char *organization, const char *subject, const char *claims);
void access_leave(Access *access, Identity *identity);

/* Holds it once more. */
Identity *access_share(Identity *identity);

const char *identity_organization(const Identity *identity);
const char *identity_subject(const Identity *identity);
const char *identity_claims(const Identity *identity);

/* Asks for its scope.  The answer may come before this returns. */
void access_ask(Access *access, Identity *identity, AccessAnswer answer, void *line);

/* Whether a scope that was answered is still what is known, and not in doubt. */
bool access_holds(const Identity *identity, const Scope *scope);

/* The line has gone: it gets no answer. */
void access_forget(Access *access, Identity *identity, const void *line);

/* Forgets what is known of a subject, of the whole organization when it is NULL. */
void access_revoke(Access *access, const char *organization, const char *subject);

/* Asks again about everybody; until there is an answer, what is known holds. */
void access_recheck(Access *access);

/*
 * Changes of rights may have gone unheard: asks again about everybody, and until
 * there is an answer about somebody, what is known of that one is told to nobody.
 */
void access_doubt(Access *access);

#endif
