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
  const limits = isObject(frame.limits) ? frame.limits : {};
  return {
    user: isObject(frame.user) ? frame.user : null,
    scope: isObject(frame.scope) ? frame.scope : null,
    features: Array.isArray(frame.features) ? frame.features.filter((f) => typeof f === 'string') : [],
    limits: Object.fromEntries(
      Object.entries(DEFAULT_LIMITS).map(([name, value]) => [name, integerOf(limits[name]) ?? value]),
    ) as unknown as Limits,
  };
}
