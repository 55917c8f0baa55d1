/*
 * edit-item-dialog.tsx
 *   A manager adds an item, or changes what is known of one.
 */
import type { Change, ItemKey, JsonObject } from 'inventory-client';
import { useClient } from 'inventory-client/react';
import { type FormEvent, type ReactElement, useState } from 'react';
import { Dialog } from '../base/dialog';
import { perform } from '../change/perform';
import { close } from '../shell/open';
import { fetchAttributes } from '../stock/attributes';
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
  const row = item && client.inventory.get(item).value;
  const [productId, setProductId] = useState(item?.productId ?? '');
  const [warehouseId, setWarehouseId] = useState(item?.warehouseId ?? stock.warehouses[0]?.id ?? '');
  const [texts, setTexts] = useState<Readonly<Record<FieldName, string>>>(() => readTexts(row?.attributes));
  const [minimum, setMinimum] = useState(String(row?.minimumStock ?? 0));
  const [initial, setInitial] = useState('0');
  const [problem, setProblem] = useState<string | null>(null);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const change = read();
    if (typeof change === 'string') {
      setProblem(change);
      return;
    }
    const name = texts.name.trim() || productId.trim();
    const operation = perform(client, change, { done: item ? `Changed ${name}` : `Added ${name}`, name });
    // The events of a new item do not carry its name.
    void operation.result.then(
      () => fetchAttributes(client, { productId: productId.trim(), warehouseId: warehouseId.trim() }),
      () => {},
    );
    close();
  }

  function read(): Change | string {
    const product = productId.trim();
    const warehouse = warehouseId.trim();
    if (product === '') return 'A product id is needed.';
    if (warehouse === '') return 'A warehouse is needed.';
    if (!isWhole(minimum)) return 'The minimum is a whole number, 0 or more.';
    if (!isWhole(initial)) return 'The stock is a whole number, 0 or more.';
    if (!item && stock.byKey.has(client.inventory.get({ productId: product, warehouseId: warehouse }).key))
      return 'There is such an item in this warehouse already.';
    const attributes: Record<string, JsonObject[string]> = { ...row?.attributes };
    for (const { name } of FIELDS) {
      if (texts[name].trim() === '') delete attributes[name];
      else attributes[name] = texts[name].trim();
    }
    const where = stock.warehouses.find(({ id }) => id === warehouse);
    if (where && where.name !== where.id) attributes.warehouseName ??= where.name;
    return {
      type: 'define',
      productId: product,
      warehouseId: warehouse,
      minimumStock: Number(minimum),
      attributes,
      ...(!item && { initialQuantity: Number(initial) }),
    };
  }

  return (
    <Dialog
      title={item ? 'Edit item' : 'Add an item'}
      subtitle={row ? `${row.productId}, ${itemText(row).warehouse}` : 'One product in one warehouse'}
      onClose={close}
    >
      <form onSubmit={submit} noValidate>
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
              <label key={name} className="field" data-field={name}>
                <span>{word}</span>
                <input
                  className="input"
                  value={texts[name]}
                  autoComplete="off"
                  onChange={(event) => setTexts((now) => ({ ...now, [name]: event.target.value }))}
                />
              </label>
            ))}
            <label className="field">
              <span>Minimum stock</span>
              <input
                className="input number"
                inputMode="numeric"
                value={minimum}
                aria-describedby="minimum-hint"
                onChange={(event) => setMinimum(event.target.value)}
              />
            </label>
            {!item && (
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

function readTexts(attributes: JsonObject | undefined): Record<FieldName, string> {
  return Object.fromEntries(
    FIELDS.map(({ name }) => [name, attributes?.[name] === undefined ? '' : String(attributes[name])]),
  ) as Record<FieldName, string>;
}
