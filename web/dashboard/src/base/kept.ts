/*
 * kept.ts
 *   Words kept for this tab or on this device, where the browser lets a page keep any.
 *
 * One that does not throws at the mere mention of its storage.  What would
 * have been kept then lives as long as the page, and the page is there.
 */
export interface Kept {
  get(name: string): string | null;
  set(name: string, text: string): void;
  remove(name: string): void;
}

export const tab = keptIn(() => sessionStorage);
export const device = keptIn(() => localStorage);

function keptIn(storage: () => Storage): Kept {
  /** What the storage refused to take. */
  const refused = new Map<string, string>();
  return {
    get(name) {
      try {
        return refused.get(name) ?? storage().getItem(name);
      } catch {
        return null;
      }
    },
    set(name, text) {
      refused.delete(name);
      try {
        storage().setItem(name, text);
      } catch {
        refused.set(name, text);
      }
    },
    remove(name) {
      refused.delete(name);
      try {
        storage().removeItem(name);
      } catch {
        // It kept nothing.
      }
    },
  };
}
