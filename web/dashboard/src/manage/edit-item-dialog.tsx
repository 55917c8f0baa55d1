/*
 * edit-item-dialog.tsx
 *   A manager adds an item, or changes what is known of one.
 */
import type { Change, ItemKey, JsonObject } from 'inventory-client';
import { useClient } from 'inventory-client/react';
import { type FormEvent, type ReactElement, useState } from 'react';
import { Dialog } from '../base/dialog';
import { perform } from '../change/perform';
import { BeAt } from '../people/be-at';
import { useGone } from '../shell/gone';
import { close } from '../shell/open';
import { attributesOf } from '../stock/attributes';
import { itemText } from '../stock/item-text';
import { useStock } from '../stock/stock-index';
import './manage.css';

const FIELDS = [
  { name: 'name', word: 'Name' },
  { name: 'sku', word: 'SKU' },
  { name: 'barcode', word: 'Barcode' },
  { name: 'unit', word: 'Unit' },
  { name: 'category', word: 'Category' },
] as const;

type FieldName = (typeof FIELDS)[number]['name'];

export function EditItemDialog({ item }: { item: ItemKey | null }): ReactElement {
  const client = useClient();
  const stock = useStock();
  const row = item ? client.inventory.get(item).value : undefined;
  useGone(row);
  const known = row ? attributesOf(row) : undefined;
  const [productId, setProductId] = useState(item?.productId ?? '');
  const [warehouseId, setWarehouseId] = useState(item?.warehouseId ?? stock.warehouses[0]?.id ?? '');
  // Only what is typed here is changed: the rest may be known later, or become another meanwhile.
  const [typed, setTyped] = useState<Readonly<Partial<Record<FieldName, string>>>>({});
  const [typedMinimum, setMinimum] = useState<string | null>(null);
  const minimum = typedMinimum ?? String(row?.minimumStock ?? 0);
  const [initial, setInitial] = useState('0');
  const [isByBatch, setByBatch] = useState(false);
  /** The field one is in, for the others to see. */
  const [at, setAt] = useState('the item');
  const [problem, setProblem] = useState<string | null>(null);

  const placeName = stock.warehouses.find(({ id, name }) => id === warehouseId.trim() && id !== name)?.name ?? '';

  function submit(event: FormEvent): void {
    event.preventDefault();
    const change = read();
    if (typeof change === 'string') {
      setProblem(change);
      return;
    }
    const name = textOf('name').trim() || productId.trim();
    if (change) perform(client, change, { done: item ? `Changed ${name}` : `Added ${name}`, name });
    close();
  }

  function textOf(name: FieldName): string {
    return typed[name] ?? (known?.[name] === undefined ? '' : String(known[name]));
  }

  /** A text: what is wrong.  null: nothing is changed. */
  function read(): Change | string | null {
    const product = item?.productId ?? productId.trim();
    const warehouse = item?.warehouseId ?? warehouseId.trim();
    const isRenamed = FIELDS.some(({ name }) => typed[name] !== undefined);
    if (product === '') return 'A product id is needed.';
    if (warehouse === '') return 'A warehouse is needed.';
    if (!isWhole(minimum)) return 'The minimum is a whole number, 0 or more.';
    if (!isWhole(initial)) return 'The stock is a whole number, 0 or more.';
    if (!item && stock.byKey.has(client.inventory.get({ productId: product, warehouseId: warehouse }).key))
      return 'There is such an item in this warehouse already.';
    if (item && isRenamed && !known) return 'Its name and codes are not here yet. Try again in a moment.';
    if (item && !isRenamed && typedMinimum === null) return null;
    // Attributes are replaced as a whole.
    const attributes: Record<string, JsonObject[string]> = { ...known };
    for (const { name } of FIELDS) {
      if (textOf(name).trim() === '') delete attributes[name];
      else if (typed[name] !== undefined) attributes[name] = typed[name].trim();
    }
    const where = stock.warehouses.find(({ id }) => id === warehouse);
    if (where && where.name !== where.id) attributes.warehouseName ??= where.name;
    return {
      type: 'define',
      productId: product,
      warehouseId: warehouse,
      ...((!item || typedMinimum !== null) && { minimumStock: Number(minimum) }),
      ...((!item || isRenamed) && { attributes }),
      ...(!item && (isByBatch ? { trackBatches: true } : { initialQuantity: Number(initial) })),
    };
  }

  return (
    <Dialog
      title={item ? 'Edit item' : 'Add an item'}
      subtitle={row ? `${row.productId}, ${itemText(row).warehouse}` : 'One product in one warehouse'}
      onClose={close}
    >
      {item && <BeAt item={item} status="editing" field={at} />}
      <form onSubmit={submit} onFocus={(event) => setAt(event.target.dataset.field ?? 'the item')} noValidate>
        <div className="dialog-body">
          {problem && (
            <p className="error" role="alert">
              {problem}
            </p>
          )}
          {!item && (
            <div className="manage-pair">
              <label className="field">
                <span>Product id</span>
                <input
                  className="input"
                  value={productId}
                  autoComplete="off"
                  autoFocus
                  onChange={(event) => setProductId(event.target.value)}
                />
              </label>
              <label className="field">
                <span>Warehouse</span>
                <input
                  className="input"
                  list="warehouses"
                  value={warehouseId}
                  autoComplete="off"
                  onChange={(event) => setWarehouseId(event.target.value)}
                />
                {placeName !== '' && <span className="quiet small">{placeName}</span>}
                <datalist id="warehouses">
                  {stock.warehouses.map(({ id, name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
                </datalist>
              </label>
            </div>
          )}
          <div className="manage-fields">
            {FIELDS.map(({ name, word }) => (
              <label key={name} className="field" data-wide={name === 'name' || undefined}>
                <span>{word}</span>
                <input
                  className="input"
                  data-field={word}
                  value={textOf(name)}
                  autoComplete="off"
                  onChange={(event) => setTyped((now) => ({ ...now, [name]: event.target.value }))}
                />
              </label>
            ))}
            <label className="field">
              <span>Minimum stock</span>
              <input
                className="input number"
                data-field="minimum stock"
                inputMode="numeric"
                value={minimum}
                aria-describedby="minimum-hint"
                onChange={(event) => setMinimum(event.target.value)}
              />
            </label>
            {!item && !isByBatch && (
              <label className="field">
                <span>In stock now</span>
                <input
                  className="input number"
                  inputMode="numeric"
                  value={initial}
                  onChange={(event) => setInitial(event.target.value)}
                />
              </label>
            )}
          </div>
          {!item && (
            <label className="manage-check">
              <input type="checkbox" checked={isByBatch} onChange={(event) => setByBatch(event.target.checked)} />
              <span>Kept by batch, each with a number and an expiry</span>
            </label>
          )}
          <p id="minimum-hint" className="quiet small">
            Below its minimum an item is low, and everybody who looks is told.
          </p>
        </div>
        <footer className="dialog-actions">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="button primary">
            {item ? 'Save' : 'Add item'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function isWhole(text: string): boolean {
  return /^\d{1,12}$/.test(text.trim());
}
