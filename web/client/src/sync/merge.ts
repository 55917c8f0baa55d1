/*
 * merge.ts
 *   Several changes that wait, as one: three sales of one piece are a sale of three.
 *
 * Only what nobody has sent is merged, while there is no link, and only more of
 * the same: a change of the same item in the same direction, for the same
 * reason, by the same person, within a minute.  Which parts it has is kept, so
 * one of them can still be taken back.
 */
import type { JsonObject } from '../core/protocol.js';
import { effectsOf, type NewOperation, type StoredOperation } from './operation.js';

/** Changes further apart are two things that happened. */
const MERGE_WITHIN_MS = 60_000;
/** A change with more to it than this means itself. */
const MERGED_FIELDS = ['type', 'productId', 'warehouseId', 'movementType', 'reason', 'reference', 'performedBy'];

/** One change that does what both do, or null: more of the same, by the same person, for the same reason. */
export function merged(last: StoredOperation, next: NewOperation): NewOperation | null {
  const alike = ({ occurredAt: _occurredAt, quantity, ...rest }: JsonObject) =>
    rest.type === 'adjust' &&
    Object.keys(rest).every((name) => MERGED_FIELDS.includes(name)) &&
    JSON.stringify([Math.sign(Number(quantity)), ...MERGED_FIELDS.map((name) => rest[name] ?? null)]);
  const same = alike(last.message);
  if (!same || same !== alike(next.message) || next.createdAt - last.createdAt > MERGE_WITHIN_MS) return null;
  const part = ({ key, message }: NewOperation) => ({ key, quantity: Number(message.quantity) });
  const { key, message } = next;
  return summed({ ...last, key, message }, [...(last.parts ?? [part(last)]), part(next)]);
}

/** The operation without one of its parts; null if nothing is left. */
export function without(op: StoredOperation, key: string): NewOperation | null {
  const parts = op.parts?.filter((part) => part.key !== key) ?? [];
  const newest = parts.at(-1);
  return newest ? summed({ ...op, key: newest.key }, parts) : null;
}

function summed(op: NewOperation, parts: NonNullable<StoredOperation['parts']>): NewOperation {
  let quantity = 0;
  for (const part of parts) quantity += part.quantity;
  const message = { ...op.message, quantity };
  return { ...op, message, effects: effectsOf(message), parts };
}
