/*
 * level.h
 *	  What the database role of the caller may execute.
 *
 * inventory_grant() gives a level, which is rights on functions; PostgreSQL
 * checks them when one is called.  What is here is for functions that do what
 * others do.  The role is the one outside of all SECURITY DEFINER functions:
 * the login, or its SET ROLE.
 */
#ifndef INV_LEVEL_H
#define INV_LEVEL_H

#include "postgres.h"

/* Level backend: a trusted application. */
extern bool inv_level_is_backend(void);

/*
 * False: the role may execute one function of ours, the way, and not another
 * that would be had by it.  Who may execute neither comes through somebody
 * else's function, which answers for him.
 */
extern bool inv_level_gives(const char *function, const char *way);

extern char *inv_level_role(void);

#endif
