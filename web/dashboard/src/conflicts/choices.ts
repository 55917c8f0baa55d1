/*
 * choices.ts
 *   The ways out of a conflict, in words.
 *
 * The order is that of harm: first what loses nothing.  A sale that is short
 * can be recorded by force by a manager only; who is none asks one.  Of an
 * item kept by batch nothing is recorded by force, and a number is one of a
 * batch or none.
 */
import type { Conflict, ConflictChoice } from 'inventory-client';
import { count, signed } from '../base/words';
import { isByBatch } from '../stock/attributes';

export interface Choice {
  readonly choice: ConflictChoice;
  readonly word: string;
  readonly hint: string;
}

export function choicesOf(conflict: Conflict, isManager: boolean): Choice[] {
  const { message } = conflict.operation;
  const row = conflict.theirs ?? conflict.base;
  const byBatch = row !== null && isByBatch(row);
  const isOfBatch = typeof message.batchNumber === 'string';
  const server: Choice = {
    choice: 'server',
    word: "Keep the server's number",
    hint: 'My change is dropped',
  };
  const merge: Choice = { choice: 'merge', word: 'Another number', hint: 'Set what is on the shelf by hand' };
  if (message.type === 'set') {
    const counted = typeof message.quantity === 'number' ? message.quantity : 0;
    const by = conflict.base && !isOfBatch ? counted - conflict.base.quantityOnHand : null;
    return [
      server,
      { choice: 'local', word: `Use my count, ${count(counted)}`, hint: 'What others did meanwhile is counted over' },
      ...(by === null
        ? []
        : [
            {
              choice: 'rebase' as const,
              word: 'Apply my difference to theirs',
              hint: `${signed(by)} on top of what is there now`,
            },
          ]),
      merge,
    ];
  }
  const again: Choice = {
    choice: 'rebase',
    word: 'Apply my change again',
    hint: 'On top of what is there now',
  };
  if (byBatch) return [again, server, ...(isOfBatch ? [merge] : [])];
  if (conflict.code === 'insufficient_stock') {
    return [
      again,
      server,
      ...(isManager
        ? [{ choice: 'local' as const, word: 'Record it anyway', hint: 'It was sold; the stock goes below zero' }]
        : []),
      merge,
    ];
  }
  return [
    again,
    server,
    ...(conflict.mine
      ? [
          {
            choice: 'local' as const,
            word: `Use my number, ${count(conflict.mine.quantityAvailable)}`,
            hint: 'What others did meanwhile is written over',
          },
        ]
      : []),
    merge,
  ];
}
