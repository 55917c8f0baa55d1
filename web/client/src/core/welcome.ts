/*
 * welcome.ts
 *   What the relay said of itself and of who one is.
 */
import { DEFAULT_LIMITS, type Frame, fieldsOf, isObject, type JsonObject, type Limits, listOf } from './protocol.js';

export interface Welcome {
  readonly user: JsonObject | null;
  readonly scope: JsonObject | null;
  readonly features: readonly string[];
  readonly limits: Limits;
}

/** Before there is one, and in the plain dialect. */
export const NO_WELCOME: Welcome = { user: null, scope: null, features: [], limits: DEFAULT_LIMITS };

export function readWelcome(frame: Frame): Welcome {
  return {
    user: isObject(frame.user) ? frame.user : null,
    scope: isObject(frame.scope) ? frame.scope : null,
    features: listOf(frame.features) as string[],
    limits: { ...DEFAULT_LIMITS, ...fieldsOf(frame.limits) },
  };
}
