/*
 * welcome.ts
 *   What the relay said of itself and of who one is.
 */
import { DEFAULT_LIMITS, type Frame, integerOf, isObject, type JsonObject, type Limits } from './protocol.js';

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
    features: Array.isArray(frame.features) ? frame.features.filter((f) => typeof f === 'string') : [],
    limits: { ...DEFAULT_LIMITS, ...onlyIntegers(frame.limits) },
  };
}

function onlyIntegers(limits: unknown): Partial<Limits> {
  return isObject(limits) ? Object.fromEntries(Object.entries(limits).filter(([, value]) => integerOf(value))) : {};
}
