/*
 * activity.ts
 *   Is the person at this page doing something?
 */
import { useEffect, useState } from 'react';

const IDLE_AFTER_MS = 60_000;

export function useActivity(): 'viewing' | 'idle' {
  const [status, setStatus] = useState<'viewing' | 'idle'>('viewing');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const active = () => {
      clearTimeout(timer);
      setStatus('viewing');
      timer = setTimeout(() => setStatus('idle'), IDLE_AFTER_MS);
    };
    active();
    for (const name of SIGNS) addEventListener(name, active, { passive: true });
    return () => {
      clearTimeout(timer);
      for (const name of SIGNS) removeEventListener(name, active);
    };
  }, []);
  return status;
}

const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'scroll', 'focus'] as const;
