/*
 * catalog.h
 *	  Where the extension's own tables, indexes and sequences are.
 *
 * Everything is found by OID through the schema the extension was created
 * in, never through the caller's search_path.  The answer is cached until a
 * relation or schema changes; the pointer is valid until the next call, so
 * nobody keeps it across one.
 */
#ifndef INV_CATALOG_H
#define INV_CATALOG_H

#include "postgres.h"

#include "fmgr.h"

/* The event log is written to one of these in turn; see event.c. */
#define INV_EVENT_PARTITIONS 3

/* Columns of the tables that are written by the order of their columns. */
#define INV_ITEM_COLUMNS 16
#define INV_MOVEMENT_COLUMNS 19
#define INV_EVENT_COLUMNS 10
#define INV_OPERATION_COLUMNS 7

typedef struct InvCatalog
{
	Oid schema;
	char *schema_name; /* quoted where it must be */
	Oid item_table;
	Oid item_pkey;
	Oid movement_table;
	Oid movement_pkey;
	Oid movement_sequence;
	Oid operation_table;
	Oid event_tables[INV_EVENT_PARTITIONS];
	Oid event_sequence;
	Oid batch_sequence;
	Oid backend_marker; /* function inventory_level_backend(), see level.c */
} InvCatalog;

extern void inv_catalog_init(void);

/* For SQL-callable functions: the schema the function itself lives in. */
extern const InvCatalog *inv_catalog_of_function(FunctionCallInfo fcinfo);

/* For workers: NULL when the extension is not installed in this database. */
extern const InvCatalog *inv_catalog_of_extension(void);

extern bool inv_catalog_has_extension(void);

/* The catalog found last.  Valid once one of the two above has been called. */
extern const InvCatalog *inv_catalog(void);

/* A function of ours that is written in C, by its name. */
extern Oid inv_catalog_function(const char *name);

/* How many columns this library knows of a table it writes. */
extern int inv_catalog_column_count(Oid relation);

#endif
