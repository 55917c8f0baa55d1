/*
 * export.ts
 *   The changes as a file, to be kept or handed on.
 */
export function exportChanges(json: string): void {
  const url = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `inventory-changes-${new Date().toISOString().slice(0, 16).replace(':', '')}.json`;
  link.click();
  URL.revokeObjectURL(url);
}
