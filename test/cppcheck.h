/*
 * cppcheck.h
 *	  What cppcheck, which reads no system headers, has to know of PostgreSQL.
 */
#define DEBUG1 14
#define LOG 15
#define NOTICE 18
#define WARNING 19
#define ERROR 21
#define FATAL 22
#define ereport(level, ...)   \
	do                        \
	{                         \
		if ((level) >= ERROR) \
			abort();          \
	} while (0)
#define elog(level, ...) ereport(level, 0)
#define foreach(cell, list) for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
#define PG_FUNCTION_INFO_V1(name)
