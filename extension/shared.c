/*
 * shared.c
 *	  The shared memory of the extension.
 *
 * There are as many entries as max_worker_processes, since no more databases
 * than that can have a publisher.
 */
#include "postgres.h"

#include "shared.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#define TRANCHE_NAME "pg_inventory"

InvShared *inv_shared = NULL;

static shmem_startup_hook_type previous_startup_hook = NULL;
static shmem_request_hook_type previous_request_hook = NULL;

static Size
shared_size(void)
{
	return add_size(offsetof(InvShared, databases),
					mul_size(max_worker_processes, sizeof(InvDatabase)));
}

static void
request_shared(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

static void
init_entry(InvDatabase *entry)
{
	memset(entry, 0, sizeof(InvDatabase));
	pg_atomic_init_u32(&entry->database, InvalidOid);
	pg_atomic_init_u32(&entry->is_rung, 0);
	pg_atomic_init_u64(&entry->tick_wanted, 0);
	pg_atomic_init_u32(&entry->event_partition, 0);
	for (int i = 0; i < INV_COUNTER_COUNT; i++)
		pg_atomic_init_u64(&entry->counters[i], 0);
}

static void
startup_shared(void)
{
	bool found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	inv_shared = ShmemInitStruct("pg_inventory", shared_size(), &found);
	if (!found)
	{
		memset(inv_shared, 0, offsetof(InvShared, databases));
		inv_shared->lock = &GetNamedLWLockTranche(TRANCHE_NAME)->lock;
		inv_shared->database_count = max_worker_processes;
		for (int i = 0; i < inv_shared->database_count; i++)
			init_entry(&inv_shared->databases[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
inv_shared_init(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shared;
}

InvDatabase *
inv_shared_find(Oid database)
{
	for (int i = 0; i < inv_shared->database_count; i++)
	{
		InvDatabase *entry = &inv_shared->databases[i];

		if (pg_atomic_read_u32(&entry->database) == database)
			return entry;
	}
	return NULL;
}

InvDatabase *
inv_shared_add(Oid database)
{
	InvDatabase *entry;

	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	entry = inv_shared_find(database);
	if (entry == NULL)
	{
		entry = inv_shared_find(InvalidOid);
		if (entry != NULL)
		{
			init_entry(entry);
			/* What committed before now is in the first round by being rung. */
			pg_atomic_write_u32(&entry->is_rung, 1);
			pg_atomic_write_u32(&entry->database, database);
		}
	}
	if (entry != NULL && entry->is_forgotten)
	{
		/* An earlier extension's errors are not this one's, nor are the ticks that were wanted of it. */
		pg_atomic_write_u64(&entry->tick_wanted, 0);
		for (int kind = 0; kind < INV_WORKER_KINDS; kind++)
			entry->workers[kind].last_error[0] = '\0';
		entry->is_forgotten = false;
	}
	LWLockRelease(inv_shared->lock);
	return entry;
}

void
inv_shared_remove(InvDatabase *entry)
{
	LWLockAcquire(inv_shared->lock, LW_EXCLUSIVE);
	pg_atomic_write_u32(&entry->database, InvalidOid);
	LWLockRelease(inv_shared->lock);
}

bool
inv_shared_has_workers(const InvDatabase *entry)
{
	bool has_workers = false;

	LWLockAcquire(inv_shared->lock, LW_SHARED);
	for (int i = 0; i < INV_WORKER_KINDS; i++)
		has_workers |= entry->workers[i].pid != 0 || entry->workers[i].is_starting;
	LWLockRelease(inv_shared->lock);
	return has_workers;
}

void
inv_shared_wake_workers(InvDatabase *entry)
{
	LWLockAcquire(inv_shared->lock, LW_SHARED);
	for (int i = 0; i < INV_WORKER_KINDS; i++)
	{
		if (entry->workers[i].latch != NULL)
			SetLatch(entry->workers[i].latch);
	}
	LWLockRelease(inv_shared->lock);
}

InvDatabase *
inv_shared_mine(void)
{
	static InvDatabase *mine = NULL;

	if (mine == NULL || pg_atomic_read_u32(&mine->database) != MyDatabaseId)
		mine = inv_shared_find(MyDatabaseId);
	return mine;
}

void
inv_shared_wake_launcher(void)
{
	Latch *latch;

	LWLockAcquire(inv_shared->lock, LW_SHARED);
	latch = inv_shared->launcher_latch;
	LWLockRelease(inv_shared->lock);
	if (latch != NULL)
		SetLatch(latch);
}
