/*
 * dialog.tsx
 *   A native dialog: it keeps the focus, closes with Esc, and gives the focus back.
 *
 * `sheet` stands at the side (from below on a phone), for lists that one reads
 * while the page behind goes on.
 */
import { type MouseEvent, type ReactElement, type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { Icon } from './icons';
import './dialog.css';

interface Props {
  readonly title: ReactNode;
  readonly subtitle?: ReactNode;
  readonly kind?: 'center' | 'sheet';
  readonly wide?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ title, subtitle, kind = 'center', wide = false, onClose, children }: Props): ReactElement {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const closed = useRef(onClose);
  closed.current = onClose;

  useLayoutEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    return () => {
      dialog.close();
      // The row that opened it may have scrolled away meanwhile.
      if (document.activeElement === document.body && before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);

  // Text that is marked from inside to outside is no click beside it.
  const isPressedBeside = useRef(false);
  function onClick(event: MouseEvent): void {
    if (event.target === element.current && isPressedBeside.current) onClose();
  }

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc is the key for it, and the browser's own
    <dialog
      ref={element}
      className="dialog"
      data-kind={kind}
      data-wide={wide || undefined}
      aria-labelledby={heading}
      onPointerDown={(event) => {
        isPressedBeside.current = event.target === element.current;
      }}
      onClick={onClick}
      onCancel={(event) => {
        event.preventDefault();
        closed.current();
      }}
    >
      <div className="dialog-box">
        <header className="dialog-head">
          <div className="dialog-titles">
            <h2 id={heading}>{title}</h2>
            {subtitle && <p className="quiet small">{subtitle}</p>}
          </div>
          <button type="button" className="button plain dialog-close" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
