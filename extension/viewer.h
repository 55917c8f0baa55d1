/*
 * viewer.h
 *	  Viewers: who looks at what, and what he does there.
 *
 * A viewer is one client (connection, tab, device) at one resource: a row of
 * presence_status, and an event when it comes, changes or goes.  A heartbeat
 * is none of them.  Locks are those of lease.h: the lease first, then viewers,
 * several in the order of their keys.
 *
 * Whom a viewer is shown to is decided by warehouses: those of his scope, or
 * the one he says he is at work in.  He is seen by who sees one of them.
 */
#ifndef INV_VIEWER_H
#define INV_VIEWER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "deadline.h"
#include "scope.h"
#include "utils/jsonb.h"

#define INV_MAX_METADATA_SIZE 2048 /* as text */
#define INV_MAX_AVATAR_SIZE 500

#define INV_RESOURCE_LIST "inventory_list"
#define INV_RESOURCE_ITEM "inventory_item"

typedef struct InvViewer
{
	/* which */
	const char *organization_id;
	const char *resource_type;
	const char *resource_id; /* "" where there is only one */
	const char *client_id;
	/* who */
	const char *session_id;
	const char *user_id;
	const char *user_name;	/* or NULL */
	const char *avatar_url; /* or NULL */
	const char *warehouses; /* a JSON array; NULL = all */
	/* what */
	const char *status;
	const char *metadata; /* a JSON object, as jsonb writes it */
	/* of the row */
	char *id;
	TimestampTz created_at;
} InvViewer;

typedef enum InvViewerFate
{
	INV_VIEWER_CAME,
	INV_VIEWER_CHANGED,
	INV_VIEWER_SAME, /* nothing to tell */
	INV_VIEWER_TAKEN /* the client is somebody else's */
} InvViewerFate;

/* Raise 22023 for what breaks a limit. */
extern void inv_viewer_check_resource(const char *resource_type, const char *resource_id);
extern const char *inv_viewer_status(const char *word); /* the one that is stored: "active" is "viewing" */

/* The user, from the scope: a name or picture that is not fit to be shown is left out. */
extern void inv_viewer_set_person(InvViewer *viewer, const InvScope *scope);

/* Whom it is shown to: as the scope, or as the warehouse in the metadata (IV403 when that is outside). */
extern void inv_viewer_set_metadata(InvViewer *viewer, Jsonb *metadata, const InvScope *scope);

/*
 * Comes, or does something else; the lease is held.  What somebody else's
 * client is doing is changed only when may_take.
 */
extern InvViewerFate inv_viewer_track(InvViewer *viewer, bool may_take, InvDeadline *deadline);

/* Locks the row and fills in what it says.  False: there is none, or (unless user_id is NULL) it is somebody else's. */
extern bool inv_viewer_find(InvViewer *viewer, const char *user_id, InvDeadline *deadline);

/* Goes.  Resource and user may be NULL = any.  Returns how many rows went. */
extern int inv_viewer_leave(const char *organization_id, const char *client_id, const char *resource_type,
							const char *resource_id, const char *user_id, InvDeadline *deadline);

/* All of a lease that has been locked, because its time is over; -1 when one of them is in other hands. */
extern int inv_viewer_leave_lease(const char *session_id);

#endif
