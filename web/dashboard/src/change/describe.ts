/*
 * describe.ts
 *   A change as a sentence, for lists and dialogs.
 */
import type { ItemView, JsonObject } from 'inventory-client';
import { itemKey } from 'inventory-client';
import { count, counted, signed } from '../base/words';
import { itemText } from '../stock/item-text';

export interface Described {
  readonly what: string;
  readonly where: string;
}

export function describe(message: JsonObject, byKey: ReadonlyMap<string, ItemView>): Described {
  const quantity = typeof message.quantity === 'number' ? message.quantity : 0;
  const item = nameOf(message, byKey);
  const where = typeof message.batchNumber === 'string' ? `${item.where}, batch ${message.batchNumber}` : item.where;
  switch (message.type) {
    case 'adjust':
      return { what: adjustWords(message, quantity, item.name), where };
    case 'set':
      return { what: `Count ${count(quantity)} × ${item.name}`, where };
    case 'define':
      return {
        what:
          typeof message.minimumStock === 'number' && message.attributes === undefined
            ? `Minimum of ${item.name} to ${count(message.minimumStock)}`
            : `${message.initialQuantity === undefined ? 'Change' : 'Add'} ${item.name}`,
        where,
      };
    case 'retire':
      return { what: `Retire ${item.name}`, where };
    case 'transfer':
      return { what: `Move ${count(quantity)} × ${item.name}`, where };
  }
  const lines = Array.isArray(message.lines) ? message.lines.length : 0;
  return { what: `${String(message.type)} ${counted(lines, 'line')}`, where };
}

function adjustWords(message: JsonObject, quantity: number, name: string): string {
  const amount = `${count(Math.abs(quantity))} × ${name}`;
  if (message.movementType === 'out') return `${message.reason === 'Sale' ? 'Sell' : 'Take out'} ${amount}`;
  if (message.movementType === 'in') return `${message.reason === 'Delivery' ? 'Receive' : 'Put in'} ${amount}`;
  return `Adjust ${name} by ${signed(quantity)}`;
}

function nameOf(message: JsonObject, byKey: ReadonlyMap<string, ItemView>): { name: string; where: string } {
  const productId = String(message.productId ?? '');
  const warehouseId = String(message.warehouseId ?? message.fromWarehouseId ?? '');
  const row = productId && warehouseId ? byKey.get(itemKey({ productId, warehouseId }))?.value : null;
  if (!row) return { name: productId, where: warehouseId };
  const text = itemText(row);
  return { name: text.name, where: text.warehouse };
}
