/*
 * select.tsx
 *   A list to choose from, with the same arrow on every system.
 */
import type { ComponentProps, ReactElement } from 'react';
import { Icon } from './icons';

export function Select(props: ComponentProps<'select'>): ReactElement {
  return (
    <div className="select">
      <select className="input" {...props} />
      <Icon name="chevron" />
    </div>
  );
}
