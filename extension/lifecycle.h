/*
 * lifecycle.h
 *	  Databases and the extension coming and going under running workers.
 */
#ifndef INV_LIFECYCLE_H
#define INV_LIFECYCLE_H

extern void inv_lifecycle_init(void);

#endif
